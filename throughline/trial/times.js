// Moments of a series: texts to seconds of the wall clock, and steps of the training's grid.
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAY = 86400;
// Of 1 January 1970, from which weekdays are counted: its place in a week that begins on Monday.
const THURSDAY = 3;
// Of `strptime`, what tells a moment apart; a pattern and the part of the moment that it is.
const PARTS = {
  Y: ["(\\d{4})", "year"], y: ["(\\d{2})", "short"], m: ["(\\d{1,2})", "month"], d: ["(\\d{1,2})", "day"],
  H: ["(\\d{1,2})", "hour"], M: ["(\\d{1,2})", "minute"], S: ["(\\d{1,2})", "second"], I: ["(\\d{1,2})", "hour"],
  b: ["([A-Za-z]{3})", "name"], B: ["([A-Za-z]+)", "name"], p: ["([AaPp][Mm])", "half"],
  q: ["([1-4])", "quarter"], f: ["(\\d{1,6})", "ignored"],
};

// Seconds since 1970 of a date and time; NaN where there is none such, as of 30 February.
const utcSeconds = (year, month, day, hour, minute, second) => {
  const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
  const found = new Date(milliseconds);
  const same = found.getUTCMonth() === month - 1 && found.getUTCDate() === Number(day) && found.getUTCHours() === Number(hour);
  return same && minute < 60 && second < 60 ? milliseconds / 1000 : NaN;
};

// Seconds since 1970 of the wall clock that the contract's `index` says.
const secondsOf = (row, index) => {
  const text = index.columns.map((name) => row[name].trim()).join(" ");
  const hour = index.hour ? Math.round(3600 * Number(row[index.hour])) : 0;
  if (Number.isNaN(hour)) throw new Problem(`column '${index.hour}' must be an hour from 0 to 24`);
  for (const form of index.formats?.length ? index.formats : [null]) {
    const seconds = form === null ? isoSeconds(text, index.zone) : formSeconds(text, form);
    if (Number.isFinite(seconds)) return seconds + hour;
  }
  throw new Problem(`'${text.slice(0, 40)}' must be a time${index.formats?.length ? ` such as ${index.formats.join(" or ")}` : ", such as 2024-05-31 or 2024-05-31 12:00"}`);
};

const isoSeconds = (text, zone) => {
  const found = /^(\d{4})-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?)?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  if (!found) return NaN;
  const [, year, month, day = 1, hour = 0, minute = 0, second = 0, offset] = found;
  const wall = utcSeconds(year, month, day, hour, minute, second);
  if (!offset) return wall;
  const ahead = offset === "Z" ? 0 : Number(`${offset[0]}1`) * (60 * offset.slice(1, 3) + Number(offset.slice(-2))) * 60;
  return zone ? onWall(wall - ahead, zone) : wall - ahead;
};

// The wall clock of a zone at a moment.
const CLOCKS = {};
const onWall = (moment, zone) => {
  const clock = CLOCKS[zone] ??= new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
  const part = Object.fromEntries(clock.formatToParts(new Date(1000 * moment)).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) / 1000;
};

const formSeconds = (text, form) => {
  if (form === "epoch") return Number(text);
  if (form === "epoch-ms") return Math.floor(Number(text) / 1000);
  if (form === "decimal-year") {
    const months = Math.round(12 * Number(text));
    return text.trim() && Math.abs(months - 12 * Number(text)) <= 0.1 ? utcSeconds(Math.floor(months / 12), (months % 12) + 1, 1, 0, 0, 0) : NaN;
  }
  const names = [];
  const pattern = form.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/%([A-Za-z])/g, (whole, letter) => {
    if (!PARTS[letter]) throw new Problem(`times as '${form}' are read by throughline predict, not by this page`);
    names.push(PARTS[letter][1]);
    return PARTS[letter][0];
  });
  const found = new RegExp(`^${pattern}$`).exec(text);
  if (!found) return NaN;
  const at = Object.fromEntries(names.map((name, place) => [name, found[place + 1]]));
  const year = at.year ?? (at.short === undefined ? 1900 : Number(at.short) + (at.short < 69 ? 2000 : 1900));
  const named = at.name ? MONTHS.indexOf(at.name.slice(0, 3).toLowerCase()) + 1 : undefined;
  const month = named ?? (at.quarter ? 3 * at.quarter - 2 : at.month ?? 1);
  const half = at.half ? (at.hour % 12) + (at.half.toLowerCase() === "pm" ? 12 : 0) : at.hour ?? 0;
  return utcSeconds(year, month, at.day ?? 1, half, at.minute ?? 0, at.second ?? 0);
};

const monthOf = (seconds) => { const date = new Date(1000 * seconds); return 12 * (date.getUTCFullYear() - 1970) + date.getUTCMonth(); };

// The moment in UTC of a wall clock; the second time that a clock shows an hour is the later one.
const moment = (wall, zone, before) => {
  if (!zone) return wall;
  let found = wall;
  for (let turn = 0; turn < 2; turn++) found = wall - (onWall(found, zone) - found);
  return found <= before ? found + 3600 : found;
};

// The number of a moment's step on the grid, as training counted them; see serving/rows/clock.py.
const stepOf = (seconds, grid) => {
  if (grid.unit === "s") return Math.floor((seconds - grid.origin) / grid.every);
  if (grid.unit === "b") {
    const day = Math.floor(seconds / DAY) + THURSDAY;
    return 5 * Math.floor(day / 7) + Math.min(day - 7 * Math.floor(day / 7), 5) - THURSDAY;
  }
  return Math.floor((monthOf(seconds) - (grid.phase ?? 0)) / grid.every);
};

// The moment of a step on the grid.
const atStep = (step, grid) => {
  if (grid.unit === "s") return step * grid.every + grid.origin;
  if (grid.unit === "b") {
    const days = step + THURSDAY;
    return (7 * Math.floor(days / 5) + (days - 5 * Math.floor(days / 5)) - THURSDAY) * DAY + grid.origin;
  }
  const month = step * grid.every + (grid.phase ?? 0) + (grid.origin < 0 ? 1 : 0);
  return Date.UTC(1970, month, 1) / 1000 + grid.origin;
};

// A moment for a reader: the day, and the time of the day where the grid is finer.
const saidTime = (seconds, grid) => {
  const text = new Date(1000 * seconds).toISOString();
  const fine = grid?.unit === "s" && grid.every % DAY !== 0;
  return fine ? text.slice(0, 16).replace("T", " ") : text.slice(0, 10);
};
