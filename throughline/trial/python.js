// The same question in Python, to be copied.
const written = (value) => {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isNaN(value) ? "None" : String(value);
  // JSON's escapes are Python's.
  return JSON.stringify(value);
};

const pythonOf = (description, source) => {
  const start = ['from throughline.serving.predictor import Predictor', "", `model = Predictor(${written(description.model)})`];
  if (description.window) {
    const separator = separatorOf(source.area.value, source.needed);
    const reader = `csv.DictReader(file${separator === "," ? "" : `, delimiter=${written(separator)}`})`;
    const some = source.chosen ? [`rows = [row for row in rows if [row[name] for name in ${JSON.stringify(source.apart)}] == ${JSON.stringify(source.chosen)}]`] : [];
    return ["import csv", "", ...start, 'with open("rows.csv", newline="", encoding="utf-8") as file:', `    rows = list(${reader})`, ...some,
      "columns = {name: [row[name] for row in rows] for name in rows[0]}", "answers = model.predict(columns)", "print({name: values.tolist()[-1] for name, values in answers.items()})"].join("\n");
  }
  const pictures = source.fields.filter((field) => field.entry.type === "image");
  const entries = source.fields.map((field) => {
    if (field.entry.type !== "image") return `    ${written(field.name)}: [${written(source.values[field.name])}],`;
    return `    ${written(field.name)}: read_file(Path(${written(field.fileName ?? (field.entry.rate ? "sound.wav" : "picture.png"))}), model.inputs[${written(field.name)}]),`;
  });
  const head = pictures.length ? ["from pathlib import Path", "", "from throughline.serving.rows.media.media_files import read_file", ...start] : start;
  return [...head, "answers = model.predict({", ...entries, "})", "print({name: values.tolist()[0] for name, values in answers.items()})"].join("\n");
};

const copied = async (text, button) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages of files may not reach the clipboard everywhere.
    const area = el("textarea", {}, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "copied";
  setTimeout(() => (button.textContent = "copy"), 1500);
};
