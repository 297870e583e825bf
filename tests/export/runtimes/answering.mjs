// Answers files' requests with onnxruntime for JavaScript; see runtimes.py.
// node answering.mjs PACKAGE PACKAGES FOLDER: reads FOLDER/*.json, prints a line of JSON for each.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [name, packages, folder] = process.argv.slice(2);
const ort = createRequire(join(packages, "package.json"))(name);
const options = { executionProviders: [name.endsWith("web") ? "wasm" : "cpu"], intraOpNumThreads: 1 };
ort.env.logLevel = "error";
if (name.endsWith("web")) ort.env.wasm.numThreads = 1;

const arrays = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };
const tensor = ({ type, dims, data }) => {
  if (type === "string") return new ort.Tensor("string", data, dims);
  if (type === "int64") return new ort.Tensor("int64", BigInt64Array.from(data.map(BigInt)), dims);
  const numbers = data.map((value) => (value === "NaN" ? NaN : value));
  return new ort.Tensor(type, arrays[type].from(numbers), dims);
};
const plain = (value) => Array.from(value.data, (each) => (typeof each === "bigint" ? Number(each) : each));

for (const file of readdirSync(folder).filter((each) => each.endsWith(".json")).sort()) {
  const asked = JSON.parse(readFileSync(join(folder, file), "utf8"));
  try {
    const session = await ort.InferenceSession.create(asked.path, options);
    const feed = (rows) => Object.fromEntries(Object.entries(rows).map(([key, value]) => [key, tensor(value)]));
    const answers = await session.run(feed(asked.requests));
    const one = feed(asked.one);
    const times = [];
    for (let turn = 0; turn < 50; turn++) {
      const start = process.hrtime.bigint();
      await session.run(one);
      times.push(Number(process.hrtime.bigint() - start) / 1000);
    }
    const found = Object.fromEntries(Object.entries(answers).map(([key, value]) => [key, plain(value)]));
    console.log(JSON.stringify({ name: asked.name, answers: found, time: times.sort((a, b) => a - b)[25] }));
  } catch (error) {
    console.log(JSON.stringify({ name: asked.name, refused: String(error).slice(0, 200) }));
  }
}
