// A field for each column of a row. Each has: name, element, read(), set(value), outside(), and where
// it can be varied: places(), the values of a what-if curve.
const MOST_IN_MENU = 60;
const OTHER = "\u0000other";

const nearestStep = (width) => {
  const power = 10 ** Math.floor(Math.log10(width / 100 || 1));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= width / 100) ?? power;
};

const medianOf = (entry) => entry.deciles[Math.max(0, entry.at_or_below.findIndex((share) => share >= 0.5))];

// Whether the training's values look like counts: what lies between is seldom met.
const isCount = ({ deciles, min, max }) => {
  const inner = deciles.slice(1, -1);
  const whole = inner.filter(Number.isInteger).length;
  return Number.isInteger(min) && Number.isInteger(max) && (whole === inner.length || (max - min >= 5 && 2 * whole >= inner.length));
};

// The training's range, made to hold the value that is asked.
const withNow = ({ min, max }, now) => (Number.isFinite(now) ? { low: Math.min(min, now), high: Math.max(max, now) } : { low: min, high: max });

const evenly = (entry, now) => {
  const { low, high } = withNow(entry, now);
  return Array.from({ length: 61 }, (_, place) => low + ((high - low) * place) / 60);
};

class Field {
  constructor(entry, changed) {
    this.entry = entry;
    this.name = entry.name;
    this.changed = changed;
    this.note = el("span", { class: "note", "aria-live": "polite" });
  }

  frame(control, ...others) {
    const label = el("span", { class: "label" }, this.name, this.entry.unit ? el("span", { class: "unit" }, ` ${this.entry.unit}`) : "");
    this.element = el("div", { class: "field" }, el("label", {}, label, control), ...others, this.note);
  }

  // The mark beside the field.
  tell(words, kind = "warn") {
    this.note.textContent = words;
    this.note.className = `note ${words ? kind : ""}`;
  }

  outside() { return false; }
}

// A field that takes a file, chosen or dropped; its class reads it in take(file), which sets
// `problem` or what read() gives.
class FileField extends Field {
  zone({ accept, words, seen, kind = "" }) {
    this.file = el("input", { type: "file", accept, onchange: () => this.take(this.file.files[0]) });
    this.seen = el("canvas", { hidden: true, role: "img", ...seen });
    this.said = el("span", { class: "note" });
    const zone = el("div", { class: `drop ${kind}` }, el("span", {}, words), this.file, this.seen, this.said);
    for (const event of ["dragover", "dragleave", "drop"]) {
      zone.addEventListener(event, (dragged) => {
        dragged.preventDefault();
        zone.classList.toggle("over", event === "dragover");
        if (event === "drop") this.take(dragged.dataTransfer.files[0]);
      });
    }
    this.frame(zone);
    this.element.classList.add("wide");
  }

  // An example, as the address of its bytes.
  async set(address) {
    const text = atob(address.slice(address.indexOf(",") + 1));
    await this.take(new Blob([Uint8Array.from(text, (mark) => mark.charCodeAt(0))]));
  }
}

class NumberField extends Field {
  constructor(entry, reading, changed) {
    super(entry, changed);
    this.known = Number.isFinite(entry.min);
    const step = this.known ? (isCount(entry) ? 1 : nearestStep(entry.max - entry.min)) : "any";
    this.step = step;
    this.number = el("input", { type: "text", inputmode: "decimal", autocomplete: "off", oninput: () => this.typed() });
    this.slider = el("input", { type: "range", min: entry.min, max: entry.max, step: entry.max > entry.min ? step : "any", "aria-label": `${entry.name}, by a slider`, oninput: () => this.slid() });
    const ends = el("span", { class: "ends", "aria-hidden": "true" }, el("span", {}, said(entry.min)), el("span", {}, said(entry.max)));
    this.frame(this.number, this.known && entry.max > entry.min ? el("div", { class: "slide" }, this.slider, ends) : "");
    if (entry.may_be_missing) this.number.placeholder = "missing";
    this.start();
  }

  start() {
    if (!this.known) return this.set(this.entry.may_be_missing === false ? 0 : null);
    const median = medianOf(this.entry);
    this.set(this.step === 1 ? Math.round(median) : median);
  }

  set(value) {
    this.number.value = value === null || value === undefined || Number.isNaN(value) ? "" : String(Number(Number(value).toPrecision(7)));
    this.typed(false);
  }

  typed(tell = true) {
    const value = this.value();
    if (Number.isFinite(value)) this.slider.value = value;
    this.element?.classList.toggle("absent", !Number.isFinite(value));
    if (tell) this.changed();
  }

  slid() {
    // Its steps begin at the training's smallest value, which has decimals of its own.
    this.number.value = String(Number(Number(this.slider.value).toPrecision(6)));
    this.changed();
  }

  value() {
    const text = this.number.value.trim().replace(/^−/, "-").replace(/^(-?\d*),(\d+)$/, "$1.$2");
    return text === "" ? NaN : Number(text);
  }

  read() {
    const value = this.value(), empty = this.number.value.trim() === "";
    if (empty && this.entry.may_be_missing === false) throw new Problem("a number is needed; the model has nothing to put here");
    if (!empty && !Number.isFinite(value)) throw new Problem("must be a number");
    return value;
  }

  // In the model's own precision, as `predict` marks them.
  outside() {
    const value = Math.fround(this.value());
    return this.known && (value < Math.fround(this.entry.min) || value > Math.fround(this.entry.max));
  }

  range() { return `outside the training's ${said(this.entry.min)} to ${said(this.entry.max)}`; }

  places() {
    if (!this.known || this.entry.max <= this.entry.min) return undefined;
    const { low, high } = withNow(this.entry, this.value());
    if (this.step === 1 && high - low <= 60) return Array.from({ length: Math.floor(high - low) + 1 }, (_, place) => low + place);
    return evenly(this.entry, this.value());
  }
}

// Yes and no, which some models take as truth values and others as 1 and 0.
class TruthField extends Field {
  constructor(entry, changed) {
    super(entry, changed);
    this.number = entry.type === "number";
    const blank = this.number && entry.may_be_missing !== false;
    this.menu = el("select", { onchange: () => changed() }, el("option", { value: "no" }, "no"), el("option", { value: "yes" }, "yes"), blank ? el("option", { value: "" }, "missing") : "");
    this.frame(this.menu);
    if (this.number && entry.deciles?.length) this.menu.value = medianOf(entry) >= 0.5 ? "yes" : "no";
  }

  set(value) { this.menu.value = value === null ? "" : value ? "yes" : "no"; }

  read() {
    if (this.menu.value === "") return NaN;
    return this.number ? Number(this.menu.value === "yes") : this.menu.value === "yes";
  }

  places() { return this.number ? [0, 1] : [false, true]; }

  saidPlace(value) { return value ? "yes" : "no"; }
}

class CategoryField extends Field {
  constructor(entry, changed) {
    super(entry, changed);
    const shares = Array.isArray(entry.categories) ? Object.fromEntries(entry.categories.map((name) => [name, 0])) : entry.categories;
    this.categories = Object.keys(shares);
    const usual = this.categories.reduce((best, name) => (shares[name] > shares[best] ? name : best), this.categories[0]);
    this.free = el("input", { type: "text", class: "free", "aria-label": `${entry.name}, another value`, oninput: () => changed() });
    const options = this.categories.map((name) => el("option", { value: name }, name));
    if (entry.may_be_missing !== false) options.push(el("option", { value: "" }, "missing"));
    if (!entry.closed) options.push(el("option", { value: OTHER }, "another value…"));
    this.menu = el("select", { onchange: () => this.chosen() }, options);
    this.frame(this.menu, this.free);
    this.set(usual);
  }

  set(value) {
    const text = value ?? "";
    const listed = [...this.menu.options].some((option) => option.value === text);
    this.menu.value = listed ? text : OTHER;
    if (!listed) this.free.value = text;
    this.free.hidden = listed;
  }

  chosen() {
    this.free.hidden = this.menu.value !== OTHER;
    if (!this.free.hidden) this.free.focus();
    this.changed();
  }

  read() {
    const text = this.menu.value === OTHER ? this.free.value.trim().normalize("NFC") : this.menu.value;
    if (text === "" && this.entry.may_be_missing === false) throw new Problem("a value is needed; the model has nothing to put here");
    return text;
  }

  outside() { return this.menu.value === OTHER && this.free.value.trim() !== "" && !this.categories.includes(this.free.value.trim().normalize("NFC")); }

  range() { return "a value that the training had not"; }

  places() { return this.categories.length <= MOST_IN_MENU ? this.categories : undefined; }

  saidPlace(value) { return value; }
}

class TextField extends Field {
  constructor(entry, changed) {
    super(entry, changed);
    this.area = el("textarea", { rows: 5, placeholder: "Write or paste a text", oninput: () => changed() });
    this.frame(this.area);
    this.element.classList.add("wide");
  }

  set(value) { this.area.value = value ?? ""; }

  read() {
    const text = this.area.value.normalize("NFC");
    if (text.trim() === "" && this.entry.may_be_missing === false) throw new Problem("a text is needed");
    return text;
  }
}

const fieldOf = (entry, reading, changed) => {
  if (entry.type === "image") return entry.rate ? new SoundField(entry, changed) : new PictureField(entry, changed);
  if (entry.type === "boolean" || (entry.type === "number" && cellsOf(reading, entry.name).words)) return new TruthField(entry, changed);
  if (entry.type === "number") return new NumberField(entry, reading, changed);
  return entry.categories && Object.keys(entry.categories).length ? new CategoryField(entry, changed) : new TextField(entry, changed);
};

// The fields of a row, and how the model is fed with it.
class Row {
  constructor(description, changed) {
    this.description = description;
    this.fields = description.inputs.map((entry) => fieldOf(entry, description.reading, changed));
  }

  set(values) {
    for (const field of this.fields) if (field.name in values) field.set(values[field.name]);
  }

  // Every value, once all are right; each mistake stands beside its field.
  read() {
    const problems = [];
    this.values = {};
    for (const field of this.fields) {
      try {
        this.values[field.name] = field.read();
        field.tell(field.outside() ? field.range() : "");
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problems.push(`${field.name}: ${error.message}`);
        field.tell(error.message, "bad");
      }
    }
    if (problems.length) throw new Problem(problems.join("\n"));
    return this.feeds({}, 1);
  }

  // So many rows, all as it is but for one column.
  feeds(varied, rows) {
    return Object.fromEntries(this.fields.map(({ name, entry }) => {
      const value = this.values[name];
      if (entry.type === "image") return [name, { values: value.data, dims: [1, ...value.shape] }];
      return [name, { values: varied[name] ?? new Array(rows).fill(value), dims: [rows, 1] }];
    }));
  }

  outside() { return this.fields.filter((field) => field.outside()).map((field) => field.name); }

  varying() { return this.fields.some(({ entry }) => entry.type === "image") ? [] : this.fields.filter((field) => field.places?.()); }
}
