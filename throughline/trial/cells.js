// CSV and its cells, read as the training read its own (`reading` of the contract).
const MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "#N/A"];
const TRUE = ["true", "t", "yes", "y", "1", "on"];
const FALSE = ["false", "f", "no", "n", "0", "off"];
const SEPARATORS = [",", ";", "\t", "|"];

const cellsOf = (reading, name) => ({ missing: MISSING, decimal: ".", thousands: "", mark: "", ...reading, ...(reading?.columns?.[name] ?? {}) });

const truth = (text) => {
  const word = text.trim().toLowerCase();
  if (TRUE.includes(word)) return true;
  if (FALSE.includes(word)) return false;
  throw new Problem("must be yes or no");
};

// A cell of a column of numbers; NaN where it is missing.
const numberIn = (text, cells) => {
  let plain = text.trim();
  if (cells.missing.includes(plain)) return NaN;
  if (cells.words) return truth(plain) ? 1 : 0;
  if (cells.clock) return secondsOfDay(plain);
  if (cells.informal) plain = formal(plain, cells.decimal);
  if (cells.mark) plain = withoutMark(plain, cells.mark);
  plain = plain.replace(/^[\u2212\u2013\ufe63\uff0d]/, "-");
  const marks = { " ": /[ \u00a0\u202f\u2009]/g, "'": /['\u2019]/g };
  if (cells.thousands) plain = plain.replace(marks[cells.thousands] ?? new RegExp(`[${cells.thousands}]`, "g"), "");
  if (cells.decimal !== ".") plain = plain.replace(cells.decimal, ".");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) throw new Problem(`must be a number, not '${text.slice(0, 40)}'`);
  return Number(plain);
};

// The seconds of a time of a day, or of a duration in hours and minutes.
const secondsOfDay = (text) => {
  const found = /^(\d{1,4}):([0-5]\d)(?::([0-5]\d(?:[.,]\d{1,9})?))?(?:\s?([ap])\.?m\.?)?$/i.exec(text);
  const hours = Number(found?.[1]);
  if (!found || (found[4] && (hours < 1 || hours > 12))) throw new Problem(`must be a time such as 1:30:05, not '${text.slice(0, 40)}'`);
  const hour = found[4] ? (hours % 12) + (/p/i.test(found[4]) ? 12 : 0) : hours;
  return 3600 * hour + 60 * Number(found[2]) + Number((found[3] ?? "0").replace(",", "."));
};

// A number with its minus in front and in plain digits: (5) and 5- are -5.
const formal = (text, decimal) => {
  const marks = { "\u066b": decimal, "\u066c": "", "\uff0e": ".", "\uff0c": "," };
  const plain = [...text].map((mark) => marks[mark] ?? (/\p{Nd}/u.test(mark) ? digitOf(mark) : mark)).join("");
  const found = /^(\D{0,4})\((.+)\)(\D{0,10})$/.exec(plain) ?? /^([^+\-\u2212\u2013\ufe63\uff0d]*\d[^+\-\u2212\u2013\ufe63\uff0d]*)[-\u2212\u2013\ufe63\uff0d]$/.exec(plain);
  return found ? `-${found.slice(1).join("").trim()}` : plain;
};

// The digits of a script stand in a row of ten, whose first has no digit before it.
const digitOf = (mark) => {
  const code = mark.codePointAt(0);
  let first = code;
  while (code - first < 9 && /\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String(code - first);
};

// Without the sign of a currency or of percent; (5) of bookkeepers is -5.
const withoutMark = (text, mark) => {
  const negative = text.startsWith("(") && text.endsWith(")");
  const bare = (negative ? text.slice(1, -1) : text).replace(mark, "").replace(/\s+/g, "");
  return negative ? `-${bare}` : bare;
};

// What stands between the fields of a CSV text: that by which most columns are found.
const separatorOf = (text, needed) => {
  const start = text.slice(0, (text + "\n").search(/\r?\n/));
  const fits = (separator) => needed.filter((name) => fieldsOf(start, separator)[0]?.some((field) => field.trim() === name)).length;
  return SEPARATORS.reduce((best, each) => (fits(each) > fits(best) ? each : best));
};

// The rows of a CSV text, each an object by column.
const rowsOf = (text, needed) => {
  const [header = [], ...lines] = fieldsOf(text, separatorOf(text, needed));
  const names = header.map((name) => name.replace(/^\ufeff/, "").trim());
  const absent = needed.filter((name) => !names.includes(name));
  if (absent.length) throw new Problem(`The first line must name the columns ${needed.join(", ")}. Missing: ${absent.join(", ")}.`);
  return lines.map((line, number) => {
    if (line.length !== names.length) throw new Problem(`Row ${number + 1} must have ${names.length} fields. It has ${line.length}.`);
    return Object.fromEntries(names.map((name, place) => [name, line[place]]));
  });
};

const fieldsOf = (text, separator) => {
  const lines = [];
  let line = [], field = "", quoted = false;
  const end = () => { line.push(field); field = ""; };
  const endLine = () => { end(); if (line.length > 1 || line[0] !== "") lines.push(line); line = []; };
  for (let at = 0; at < text.length; at++) {
    const mark = text[at];
    if (quoted) {
      if (mark !== '"') field += mark;
      else if (text[at + 1] === '"') { field += '"'; at++; }
      else quoted = false;
    } else if (mark === '"' && field === "") quoted = true;
    else if (mark === separator) end();
    else if (mark === "\n") endLine();
    else if (mark !== "\r") field += mark;
  }
  endLine();
  return lines;
};
