// Elements of the page. What strangers wrote reaches it as text or as a value, never as markup.
const SVG = "http://www.w3.org/2000/svg";

const filled = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return element;
};

const el = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

const drawn = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

// A number for a reader: four significant digits, thousands apart, a minus that is one.
const said = (value) => {
  if (!Number.isFinite(value)) return "–";
  const rounded = Number(value.toPrecision(4));
  const size = Math.abs(rounded);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return String(rounded).replace("-", "−");
  const whole = size >= 1000 ? Math.round(value) : rounded;
  return whole.toLocaleString("en", { maximumFractionDigits: 20 }).replaceAll(",", "\u202f").replace("-", "−");
};

const percent = (share) => `${said(Number((100 * share).toFixed(share > 0.001 && share < 0.999 ? 1 : 3)))} %`;

const withUnit = (value, unit) => (unit ? `${said(value)} ${unit}` : said(value));

// A mistake of whoever asks, told beside the field.
class Problem extends Error {}
