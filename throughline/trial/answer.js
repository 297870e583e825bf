// What the model answers: a class with its probabilities, a number, or a forecast.
const MOST_BARS = 10;
const MOST_LINES = 6;

// The names of the places of an answer: classes, or targets.
const classesOf = (description, count) => {
  const { classes, columns = [] } = description.target ?? {};
  if (classes?.length) return classes.map(String);
  return count === columns.length ? columns : Array.from({ length: count }, (_, place) => String(place));
};

// The probability of each class of one row.
const sharesOf = (description, found, row = 0) => {
  if (found.probability) {
    const share = found.probability.data[row], names = classesOf(description, 2);
    return [{ name: names[0], share: 1 - share }, { name: names[1], share }];
  }
  const count = found.probabilities.dims.slice(1).reduce((all, size) => all * size, 1);
  const names = classesOf(description, count);
  return names.map((name, place) => ({ name, share: found.probabilities.data[row * count + place] }));
};

const bar = ({ name, share }, chosen) => el("div", { class: `share ${chosen ? "chosen" : ""}` },
  el("span", { class: "name", title: name }, name === "" ? "(empty)" : name),
  el("span", { class: "track", "aria-hidden": "true" }, filled(el("i"), {}, [])),
  el("span", { class: "value" }, percent(share)));

const bars = (shares, chosen) => el("div", { class: "shares" }, shares.map((each) => {
  const line = bar(each, chosen.includes(each.name));
  line.querySelector("i").style.width = `${100 * Math.max(each.share, 0)}%`;
  return line;
}));

const headline = (words, note) => el("div", { class: "headline" }, el("b", {}, words), note ? el("span", {}, note) : "");

// Each of several targets as if it were the only one; none where there is one.
const eachTarget = (description, found) => (description.target?.targets ?? []).map((target) => ({
  description: { ...description, target, task: target.task },
  found: Object.fromEntries(Object.entries(target.answers).map(([name, called]) => [name, found[called]])),
}));

const answerOf = (description, found, source) => {
  const several = eachTarget(description, found);
  if (several.length) return several.flatMap((each) => answerOf(each.description, each.found, source));
  const unit = description.target?.unit ?? "", of = (description.target?.columns ?? []).join(", ");
  if (found.probability || found.probabilities) return classed(description, found, of);
  const { data, dims } = found.prediction ?? Object.values(found)[0];
  if (description.window) return forecast(description, data, dims, source, unit);
  // Of a network that gives back its columns: how unlike the training's this row is.
  const error = found.reconstruction_error ? [headline(said(found.reconstruction_error.data[0]), "reconstruction error of this row")] : [];
  if (data.length === 1) return [...error, headline(withUnit(data[0], unit), of)];
  const names = classesOf(description, data.length);
  return [...error, el("table", {}, el("tbody", {}, Array.from(data, (value, place) => el("tr", {}, el("th", {}, names[place]), el("td", { class: "n" }, withUnit(value, unit))))))];
};

const classed = (description, found, of) => {
  const shares = sharesOf(description, found);
  const order = shares.length > MOST_BARS || description.task === "generation" ? [...shares].sort((a, b) => b.share - a.share).slice(0, MOST_BARS) : shares;
  const rest = shares.length - order.length;
  const more = rest > 0 ? el("p", { class: "note" }, `${said(rest)} more classes are less probable.`) : "";
  if (found.labels) {
    const held = shares.filter((_, place) => found.labels.data[place]).map(({ name }) => name);
    return [headline(held.join(", ") || "none of them", of), bars(order, held), more];
  }
  const best = shares.reduce((most, each) => (each.share > most.share ? each : most));
  const label = found.label ? String(found.label.data[0]) : best.name;
  const share = shares.find(({ name }) => name === label)?.share ?? best.share;
  // A threshold of the model's own may choose the less probable one.
  return [headline(label, `${of ? `${of} · ` : ""}probability ${percent(share)}`), bars(order, [label]), more];
};

const forecast = (description, data, dims, source, unit) => {
  const { columns, horizons } = description.target;
  if (!horizons || data.length !== horizons.length * columns.length) {
    return [el("table", {}, el("tbody", {}, Array.from(data, (value, place) => el("tr", {}, el("th", {}, `${place + 1}`), el("td", { class: "n" }, withUnit(value, unit))))))];
  }
  const grid = source.window.grid;
  const when = horizons.map((horizon) => saidTime(source.ahead(horizon), grid));
  const single = data.length === 1 ? headline(withUnit(data[0], unit), `${columns[0]} at ${when[0]}`) : headline(`${said(horizons.length)} steps ahead`, `${columns.join(", ")}, from ${when[0]} to ${when.at(-1)}`);
  const table = el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "time"), columns.map((name) => el("th", { class: "n" }, name)))),
    el("tbody", {}, when.map((time, place) => el("tr", {}, el("td", {}, time), columns.map((_, column) => el("td", { class: "n" }, withUnit(data[place * columns.length + column], unit)))))));
  return [single, ...source.drawn(data), data.length > 1 ? el("details", {}, el("summary", {}, "As a table"), table) : ""];
};

// What is drawn of a row's answer while one column varies: a line a class, or the number.
const curvesOf = (description, found, rows) => {
  if (found.probability || found.probabilities) {
    const each = Array.from({ length: rows }, (_, row) => sharesOf(description, found, row));
    const binary = Boolean(found.probability);
    const names = each[0].map(({ name }) => name);
    const places = names.map((_, place) => place).filter((place) => !binary || place === 1)
      .sort((a, b) => Math.max(...each.map((row) => row[b].share)) - Math.max(...each.map((row) => row[a].share))).slice(0, MOST_LINES).sort((a, b) => a - b);
    const title = binary ? `probability of ${description.target.columns?.[0] ?? "class"}: ${names[1]}` : "probability";
    return { title, y: [0, 1], lines: places.map((place) => ({ name: names[place], values: each.map((row) => row[place].share) })) };
  }
  const { data, dims } = found.prediction ?? Object.values(found)[0];
  const count = dims.slice(1).reduce((all, size) => all * size, 1);
  const columns = description.target?.columns ?? ["prediction"];
  const steps = description.target?.horizons ?? [];
  const shown = Array.from({ length: Math.min(count, description.window ? columns.length : MOST_LINES) }, (_, place) => place);
  const name = (place) => (columns[place] ?? String(place)) + (steps.length ? `, ${steps[0]} ahead` : "");
  const unit = description.target?.unit;
  const lines = shown.map((place) => ({ name: name(place), values: Array.from({ length: rows }, (_, row) => data[row * count + place]) }));
  const title = lines.length === 1 ? lines[0].name : "prediction";
  return { title: unit ? `${title} (${unit})` : title, y: boundsOf(lines.flatMap(({ values }) => values)), lines };
};

// The curve over a column; of categories a bar each.
const curve = (description, field, places, found) => {
  const several = eachTarget(description, found);
  if (several.length) return el("div", {}, several.map((each) => curve(each.description, field, places, each.found)));
  const { title, y, lines } = curvesOf(description, found, places.length);
  const unit = field.entry.unit, xTitle = (field.label ?? field.name) + (unit ? ` (${unit})` : "");
  if (typeof places[0] !== "number" || field.saidPlace) {
    const name = (place) => (field.saidPlace ? field.saidPlace(place) : String(place));
    const top = Math.max(...lines.flatMap(({ values }) => values.map(Math.abs))) || 1;
    return el("div", {}, lines.map(({ name: line, values }) => el("div", { class: "shares" }, lines.length > 1 ? el("p", { class: "note" }, line) : el("p", { class: "note" }, title), places.map((place, at) => {
      const row = bar({ name: name(place), share: 0 }, false);
      row.querySelector("i").style.width = `${(100 * Math.max(values[at], 0)) / (y[1] === 1 && y[0] === 0 ? 1 : top)}%`;
      row.querySelector(".value").textContent = y[1] === 1 && y[0] === 0 ? percent(values[at]) : said(values[at]);
      return row;
    }))));
  }
  const kinds = ["a", "b", "k2", "k3", "k4", "k5"];
  const value = field.value();
  return chart({
    x: [places[0], places.at(-1)], y, xTitle, yTitle: title,
    alt: `${title} while ${field.name} goes from ${said(places[0])} to ${said(places.at(-1))}`,
    lines: lines.map(({ name, values }, at) => ({ name, kind: kinds[at], points: places.map((place, row) => [place, values[row]]) })),
    marks: Number.isFinite(value) ? [{ x: value, name: "now" }] : [],
  });
};
