// The rows of a series as CSV, of which the newest window is asked; see serving/rows/windows.py.
// A forecaster's values may lie so many widths of the training's range outside of it.
const ROOM = 1;
const SHOWN = 3;

class Series {
  constructor(description, changed) {
    this.description = description;
    const { window } = description;
    this.window = window;
    this.measured = description.inputs.filter((entry) => entry.type !== "time");
    this.needed = [...new Set([...window.index.columns, window.index.hour, ...this.measured.map((entry) => entry.name)].filter(Boolean))];
    this.area = el("textarea", { rows: 14, class: "rows", spellcheck: "false", oninput: () => changed() });
    this.file = el("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv", onchange: () => this.take(this.file.files[0]) });
    this.note = el("span", { class: "note", "aria-live": "polite" });
    // Of a file with several series one is asked, by default the last.
    this.menu = el("select", { onchange: () => changed() });
    this.choice = el("label", { class: "vary", hidden: true }, `${(window.group ?? []).join(", ")}: `, this.menu);
    for (const kind of ["dragover", "dragleave", "drop"]) {
      this.area.addEventListener(kind, (event) => {
        event.preventDefault();
        this.area.classList.toggle("over", kind === "dragover");
        if (kind === "drop") this.take(event.dataTransfer.files[0]);
      });
    }
    this.changed = changed;
    const asked = `Rows of the series as CSV: ${this.needed.join(", ")}. At least ${window.extent.length}, ${window.every} apart, the oldest first; the newest ${window.extent.length} are asked.${window.group?.length ? ` Several series need ${window.group.join(", ")}, too.` : ""}`;
    this.element = el("div", { class: "field wide" }, this.choice, el("label", {}, el("span", { class: "label" }, asked), this.area), this.file, this.note);
  }

  set({ csv }) { this.area.value = csv; }

  async take(file) {
    if (!file) return;
    this.area.value = await file.text();
    this.changed();
  }

  read() {
    try {
      this.rows = this.newest();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.note.textContent = error.message;
      this.note.className = "note bad";
      throw error;
    }
    const far = this.outside();
    this.note.textContent = far.length ? `far outside the training's range: ${far.join(", ")}` : `${this.count} rows${this.of()}, the newest at ${saidTime(this.walls.at(-1), this.window.grid)}`;
    this.note.className = `note ${far.length ? "warn" : ""}`;
    return this.feeds({}, 1);
  }

  // The columns of the newest window as the model takes them.
  newest() {
    const { extent, index } = this.window;
    let rows = this.ofOne(rowsOf(this.area.value, this.needed));
    this.count = rows.length;
    if (rows.length < extent.length) throw new Problem(`A window has ${extent.length} rows, ${this.window.every} apart, the oldest first. There are ${rows.length}${this.of()}.`);
    const first = rows.length - extent.length;
    rows = rows.slice(first);
    const placed = (row, read) => {
      try {
        return read();
      } catch (error) {
        if (error instanceof Problem) error.message = `Row ${first + row + 1}${this.of()}: ${error.message}.`;
        throw error;
      }
    };
    this.walls = rows.map((row, at) => placed(at, () => secondsOf(row, index)));
    this.inOrder(first);
    return Object.fromEntries(this.description.inputs.map((entry) => [entry.name, entry.type === "time" ? this.walls : rows.map((row, at) => placed(at, () => this.cell(entry, row[entry.name])))]));
  }

  // Which series is meant, where there are several.
  of() { return this.chosen ? ` of ${this.chosen.join(", ")}` : ""; }

  // The rows of the series that is chosen.
  ofOne(rows) {
    this.apart = (this.window.group ?? []).filter((name) => rows.length && name in rows[0]);
    const key = (row) => JSON.stringify(this.apart.map((name) => row[name]));
    const keys = [...new Set(rows.map(key))];
    const wanted = keys.includes(this.menu.value) ? this.menu.value : keys.at(-1);
    this.menu.replaceChildren(...keys.map((each) => el("option", { value: each, selected: each === wanted }, JSON.parse(each).join(", "))));
    this.choice.hidden = keys.length < 2;
    this.chosen = keys.length < 2 ? undefined : JSON.parse(wanted);
    return rows.filter((row) => key(row) === wanted);
  }

  cell(entry, text) {
    const cells = cellsOf(this.description.reading, entry.name);
    if (entry.type === "number") {
      const value = numberIn(text, cells);
      if (Number.isNaN(value) && entry.may_be_missing === false) throw new Problem(`column '${entry.name}' must hold a number`);
      return value;
    }
    if (entry.type === "boolean") return truth(text);
    const word = text.trim().normalize("NFC");
    const found = cells.missing.includes(word) ? "" : word;
    if (entry.closed && !Object.keys(entry.categories).includes(found) && !(found === "" && entry.may_be_missing)) throw new Problem(`column '${entry.name}' must hold one of ${Object.keys(entry.categories).join(", ")}`);
    return found;
  }

  // Each row one step after the one before, at the same place in its step unless rows were resampled.
  inOrder(first) {
    const { grid, index, resample, every } = this.window;
    let before;
    const moments = this.walls.map((wall) => (before = moment(wall, index.zone, before)));
    const steps = moments.map((each) => stepOf(each, grid));
    const into = moments.map((each, at) => each - atStep(steps[at], grid));
    const wrong = steps.findIndex((step, at) => at > 0 && (step - steps[at - 1] !== 1 || (resample === null && into[at] !== into[at - 1])));
    if (wrong > 0) {
      const more = resample ? " `throughline predict` joins the rows of a step; this page does not." : "";
      throw new Problem(`Rows must be ${every} apart, without gaps, the oldest first. Row ${first + wrong + 1}${this.of()} at ${saidTime(this.walls[wrong], { unit: "s", every: 1 }).trim()} comes after ${saidTime(this.walls[wrong - 1], { unit: "s", every: 1 })}.${more}`);
    }
    this.last = steps.at(-1);
    this.into = into.at(-1);
  }

  // So many windows, all as it is but for the newest value of one column.
  feeds(varied, rows) {
    const length = this.walls.length;
    return Object.fromEntries(Object.entries(this.rows).map(([name, values]) => {
      const all = Array.from({ length: rows }, (_, row) => (name in varied ? [...values.slice(0, -1), varied[name][row]] : values)).flat();
      return [name, { values: all, dims: [rows, length] }];
    }));
  }

  outside() {
    return this.measured.filter((entry) => entry.type === "number" && Number.isFinite(entry.min)).filter(({ name, min, max }) => {
      const room = ROOM * (max - min);
      return this.rows[name].some((value) => value < min - room || value > max + room);
    }).map((entry) => entry.name);
  }

  varying() {
    return this.measured.filter((entry) => entry.type === "number" && entry.max > entry.min).map((entry) => ({
      name: entry.name,
      label: `${entry.name} of the newest row`,
      entry,
      places: () => evenly(entry, this.rows[entry.name].at(-1)),
      value: () => this.rows[entry.name].at(-1),
    }));
  }

  // The wall clock so many steps after the newest row; of a zone its standard time may have changed.
  ahead(steps) {
    const { grid } = this.window;
    const before = atStep(this.last, grid) + this.into, after = atStep(this.last + steps, grid) + this.into;
    const { zone } = this.window.index;
    return zone ? onWall(after, zone) : this.walls.at(-1) + (after - before);
  }

  // The target's values with the forecast behind them.
  drawn(forecasts) {
    const { grid, extent } = this.window, { target } = this.description;
    const places = [this.walls[0], this.ahead(Math.max(...target.horizons))];
    return target.columns.slice(0, SHOWN).map((name, column) => {
      const past = name in this.rows ? this.walls.map((wall, at) => [wall, this.rows[name][at]]) : [];
      const points = target.horizons.map((horizon, place) => [this.ahead(horizon), forecasts[place * target.columns.length + column]]);
      const y = boundsOf([...past, ...points].map(([, value]) => value));
      const lines = [
        { points: past, kind: "a", name: "rows asked" },
        { points: past.length ? [past.at(-1), ...points] : points, kind: "b", name: "forecast", dots: target.horizons.length <= 48 },
      ].filter((line) => line.points.length);
      const fine = grid.unit === "s" && grid.every % DAY !== 0 && extent.length * grid.every < 4 * DAY;
      const saidX = (seconds) => saidTime(seconds, fine ? grid : undefined).slice(fine ? 5 : 0);
      // Four of the rows and the last forecast, each where it is.
      const fourth = Math.ceil(this.walls.length / 3);
      const named = [...this.walls.filter((_, at) => at % fourth === 0), places[1]];
      return chart({ x: places, y, places: named, xTitle: "time", yTitle: target.unit ? `${name} (${target.unit})` : name, alt: `The newest ${extent.length} values of ${name} and their forecast`, lines, saidX });
    });
  }
}
