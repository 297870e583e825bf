// The model in this page's own runtime.
const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array, bool: Uint8Array };

// The bytes that a block of the page holds, as base64 of gzip.
const bytesIn = async (id) => {
  const block = document.getElementById(id);
  const text = atob(block.textContent);
  block.remove();
  const packed = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) packed[at] = text.charCodeAt(at);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

const loaded = async (description) => {
  const address = URL.createObjectURL(new Blob([await bytesIn("glue")], { type: "text/javascript" }));
  const ort = await import(address);
  URL.revokeObjectURL(address);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = (await bytesIn("program")).buffer;
  const session = await ort.InferenceSession.create(await bytesIn("model"), { executionProviders: ["wasm"] });
  return new Model(ort, session, description);
};

class Model {
  constructor(ort, session, description) {
    this.ort = ort;
    this.session = session;
    this.states = Object.keys(description.states ?? {});
    this.types = Object.fromEntries(session.inputMetadata.map((input) => [input.name, input]));
    this.outputs = description.outputs;
    this.last = Promise.resolve();
  }

  // Answers by output, {dims, data}; feeds by input, {values, dims}. One after the other.
  ask(feeds) {
    const answered = this.last.catch(() => undefined).then(async () => {
      const rows = Object.values(feeds)[0].dims[0];
      const tensors = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, this.tensor(name, feed)]));
      for (const name of this.states) {
        const dims = [rows, this.types[name].shape[1]];
        tensors[name] = this.tensor(name, { values: new Array(rows * dims[1]).fill(0), dims });
      }
      const found = await this.session.run(tensors, this.outputs);
      return Object.fromEntries(this.outputs.map((name) => [name, { dims: found[name].dims, data: plain(found[name].data) }]));
    });
    this.last = answered;
    return answered;
  }

  tensor(name, { values, dims }) {
    const { type } = this.types[name];
    if (type === "string") return new this.ort.Tensor("string", values, dims);
    if (type === "int64") return new this.ort.Tensor(type, BigInt64Array.from(values, (value) => BigInt(Math.round(value))), dims);
    return new this.ort.Tensor(type, ARRAYS[type].from(values), dims);
  }
}

const plain = (data) => Array.from(data, (value) => (typeof value === "bigint" ? Number(value) : value));
