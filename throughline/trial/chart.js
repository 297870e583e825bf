// Line charts in the look of the report.
const EDGE = { right: 16, top: 14, bottom: 44 };
const WIDEST = 520;

// Round numbers between two bounds.
const ticks = (low, high, most) => {
  if (!(high > low)) return [low];
  const rough = (high - low) / (most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
};

const boundsOf = (values) => {
  const known = values.filter(Number.isFinite);
  const low = Math.min(...known), high = Math.max(...known);
  const room = (high - low) * 0.06 || Math.abs(high) * 0.06 || 1;
  return [low - room, high + room];
};

// Those places whose labels have room beside one another; the last one always has.
const apart = (places, across, saidX) => {
  // The last of them may end at its place, where the others have their middle.
  const last = places.at(-1), kept = [];
  const far = (one, other) => across(other) - across(one) >= (other === last && saidX !== said ? 10.5 : 7) * saidX(other).length + 8;
  for (const place of places.slice(0, -1)) if (far(place, last) && (!kept.length || far(kept.at(-1), place))) kept.push(place);
  return [...kept, last];
};

// lines: {points: [[x, y]], kind, name, dots}; marks: {x, name}; places: of the ticks of x, and saidX: how each is written.
const chart = ({ x, y, xTitle, yTitle, alt, lines, marks = [], saidX = said, places, height = 300 }) => {
  // On a narrow screen the letters keep their size.
  const width = Math.min(WIDEST, document.getElementById("answer").clientWidth || WIDEST);
  const upTo = ticks(...y, 5);
  const left = 32 + 7 * Math.max(...upTo.map((value) => said(value).length));
  const right = width - EDGE.right, base = height - EDGE.bottom;
  const across = (value) => left + ((value - x[0]) / (x[1] - x[0] || 1)) * (right - left);
  const up = (value) => base - ((value - y[0]) / (y[1] - y[0] || 1)) * (base - EDGE.top);
  const at = (value) => value.toFixed(1);
  const text = (words, place) => drawn("text", place, words);
  const parts = [];
  for (const value of upTo) {
    parts.push(drawn("line", { class: "grid", x1: left, x2: right, y1: at(up(value)), y2: at(up(value)) }));
    parts.push(text(said(value), { class: "tick", x: left - 7, y: at(up(value) + 4), "text-anchor": "end" }));
  }
  for (const value of apart(places ?? ticks(...x, 6), across, saidX)) {
    const late = saidX !== said && across(value) > right - 30;
    parts.push(text(saidX(value), { class: "tick", x: at(across(value)), y: base + 16, "text-anchor": late ? "end" : "middle" }));
  }
  const middle = (EDGE.top + base) / 2;
  parts.push(drawn("line", { class: "axis", x1: left, x2: right, y1: base, y2: base }));
  parts.push(text(xTitle, { class: "title", x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }));
  parts.push(text(yTitle, { class: "title", x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` }));
  for (const { x: place, name } of marks) {
    const late = place > (x[0] + x[1]) / 2;
    parts.push(drawn("line", { class: "mark", x1: at(across(place)), x2: at(across(place)), y1: base, y2: EDGE.top }));
    parts.push(text(name, { class: "name", x: at(across(place) + (late ? -5 : 5)), y: EDGE.top + 11, "text-anchor": late ? "end" : "start" }));
  }
  for (const { points, kind, dots } of lines) {
    const known = points.filter((point) => point.every(Number.isFinite));
    if (known.length > 1) parts.push(drawn("polyline", { class: `line ${kind}`, points: known.map(([a, b]) => `${at(across(a))},${at(up(b))}`).join(" ") }));
    if (dots) parts.push(drawn("g", { class: `dot ${kind}` }, known.map(([a, b]) => drawn("circle", { cx: at(across(a)), cy: at(up(b)), r: 3.5 }))));
  }
  const named = lines.filter(({ name }) => name);
  const legend = named.length < 2 ? undefined : el("div", { class: "legend" }, named.map(({ kind, name }) =>
    el("span", {}, drawn("svg", { width: 22, height: 10, "aria-hidden": "true" }, drawn("polyline", { class: `line ${kind}`, points: "1,5 21,5" })), name)));
  return el("div", {}, drawn("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": alt }, parts), legend);
};
