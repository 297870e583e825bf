// The page: a form from the contract, and what the model says to each change of it.
const description = JSON.parse(document.getElementById("description").textContent);
const form = document.getElementById("form"), shown = document.getElementById("answer"), request = document.getElementById("request"), curved = document.getElementById("varied");
// Of a row of more columns the others can be opened.
const MOST_FIELDS = 14;

const begin = async () => {
  const model = await loaded(description);
  let asked = 0, chosen;
  const menu = el("select", { onchange: () => { chosen = menu.value; refresh(); } });
  const source = description.window ? new Series(description, () => change()) : new Row(description, () => change());

  const answer = async (turn) => {
    let found;
    try {
      found = await model.ask(source.read());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      shown.replaceChildren(el("p", { class: "warning" }, error.message.split("\n").map((line) => el("span", {}, line, el("br")))));
      request.replaceChildren();
      curved.replaceChildren();
      return;
    }
    if (turn !== asked) return;
    const far = source.outside();
    const warning = far.length ? el("p", { class: "warning" }, `The model guesses: the training had no such ${far.join(", ")}.`) : "";
    const parts = [warning, ...answerOf(description, found, source), goOn(found)];
    const field = source.varying().find(({ name }) => name === chosen);
    const over = field ? await varied(field) : undefined;
    if (turn !== asked) return;
    curved.replaceChildren(...(over ? [el("h2", {}, "What if"), el("label", { class: "vary" }, "the answer over ", menu), over] : []));
    shown.replaceChildren(...parts.filter(Boolean));
    shown.dataset.answers = JSON.stringify(Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data])));
    const code = pythonOf(description, source), button = el("button", { type: "button", onclick: () => copied(code, button) }, "copy");
    request.replaceChildren(el("h2", {}, "This request in Python", button), el("div", { class: "code" }, el("pre", {}, el("code", {}, code))));
  };

  const varied = async (field) => {
    const places = field.places();
    return curve(description, field, places, await model.ask(source.feeds({ [field.name]: places }, places.length)));
  };

  // A model of texts that says which token comes next can go on.
  const goOn = (found) => {
    if (!description.samples || !found.probabilities || description.task !== "generation") return "";
    const best = sharesOf(description, found).reduce((most, each) => (each.share > most.share ? each : most)).name;
    if (best === description.samples.end) return "";
    const [field] = source.fields, between = description.samples.of === "characters" ? "" : " ";
    return el("button", { type: "button", onclick: () => { field.set(field.read() + between + best); change(); } }, "Go on writing");
  };

  const failed = (error) => shown.replaceChildren(el("p", { class: "warning" }, `The model does not answer: ${String(error?.message ?? error).slice(0, 300)}`));
  const refresh = () => answer(++asked).catch(failed);
  // Once a value is another, what was true of the example says nothing.
  const change = () => {
    truthNote.textContent = "";
    refresh();
  };

  const varying = source.varying();
  menu.append(...varying.map(({ name, label }) => el("option", { value: name }, label ?? name)));
  chosen = varying[0]?.name;
  form.replaceChildren(...laidOut(source, refresh));
  form.addEventListener("submit", (event) => event.preventDefault());
  await begun(source);
  refresh();
};

// Values by column behind the `#` of the address, so that a question can be a link.
const inAddress = () => {
  try {
    return location.hash.length > 1 ? JSON.parse(decodeURIComponent(location.hash.slice(1))) : undefined;
  } catch {
    return undefined;
  }
};

// The start: what the address asks for, else the training's medians, else an example.
const begun = async (source) => {
  const wanted = inAddress();
  const [first] = description.examples;
  if (wanted) source.set(wanted);
  else if (description.window && first) source.set(first);
  else if (first && source.fields.some((field) => [TextField, FileField].some((kind) => field instanceof kind))) await given(source, first);
};

const truthNote = el("span", { class: "note" });
const given = async (source, example) => {
  await Promise.all(source.fields.map((field) => field.set(example.values[field.name])));
  truthNote.textContent = example.actual ? `in truth: ${example.actual}` : "";
};

const laidOut = (source, refresh) => {
  const parts = [el("h2", {}, "Ask")];
  if (description.window) return [...parts, source.element];
  if (description.examples.length) {
    parts.push(el("div", { class: "examples" }, el("span", {}, description.examples[0].seen ? "Rows of the training:" : "Rows that no training has seen:"), description.examples.map((example, place) =>
      el("button", { type: "button", onclick: async () => { await given(source, example); refresh(); } }, String(place + 1))), truthNote));
  }
  const fields = source.fields.map(({ element }) => element);
  parts.push(el("div", { class: "fields" }, fields.slice(0, MOST_FIELDS)));
  if (fields.length > MOST_FIELDS) parts.push(el("details", {}, el("summary", {}, `${fields.length - MOST_FIELDS} more columns`), el("div", { class: "fields" }, fields.slice(MOST_FIELDS))));
  return parts;
};

begin().catch((error) => {
  form.replaceChildren(el("p", { class: "warning" }, `This browser cannot run the model: ${String(error?.message ?? error).slice(0, 300)}. \`throughline predict\` can.`));
});
