// A wav file as the model takes it, see serving/rows/sound.py: one channel of 16 bits at one rate.
const CROSSINGS = 16, INTEGERS = 1, FLOATS = 3, EXTENSIBLE = 0xfffe;

// The chunks `fmt ` and `data` of a RIFF file.
const chunksOf = (view) => {
  const word = (place) => String.fromCharCode(...new Uint8Array(view.buffer, place, 4));
  if (view.byteLength < 12 || word(0) !== "RIFF" || word(8) !== "WAVE") throw new Problem("must be a PCM wav file");
  const found = {};
  for (let place = 12; place + 8 <= view.byteLength && !found.data; ) {
    const size = view.getUint32(place + 4, true);
    if (place + 8 + size > view.byteLength) throw new Problem("must be a whole wav file, and this one is cut off");
    found[word(place)] = new DataView(view.buffer, place + 8, size);
    // Chunks begin at even places.
    place += 8 + size + (size % 2);
  }
  if (!found.data || (found["fmt "]?.byteLength ?? 0) < 16) throw new Problem("must be a PCM wav file with 'fmt' and 'data'");
  return found;
};

// What reads a sample, by format and bits, in units of 16 bits.
const READERS = {
  [`${INTEGERS} 8`]: (data, at) => (data.getUint8(at) - 128) * 256,
  [`${INTEGERS} 16`]: (data, at) => data.getInt16(at, true),
  [`${INTEGERS} 24`]: (data, at) => ((data.getInt8(at + 2) << 16) | data.getUint16(at, true)) / 256,
  [`${INTEGERS} 32`]: (data, at) => data.getInt32(at, true) / 65536,
  [`${FLOATS} 32`]: (data, at) => data.getFloat32(at, true) * 32768,
  [`${FLOATS} 64`]: (data, at) => data.getFloat64(at, true) * 32768,
};

// The mean of all channels of so many frames at most, and the rate of the file.
const monoOf = (buffer, wanted) => {
  const { data, "fmt ": format } = chunksOf(new DataView(buffer));
  let code = format.getUint16(0, true);
  const channels = format.getUint16(2, true), rate = format.getUint32(4, true), bits = format.getUint16(14, true);
  if (code === EXTENSIBLE && format.byteLength >= 26) code = format.getUint16(24, true);
  const read = READERS[`${code} ${bits}`], step = bits / 8;
  if (!read || !channels || !rate) throw new Problem(`must have samples of 8, 16, 24 or 32 bits, or floats, and has ${bits} bits of format ${code}`);
  const frames = Math.floor(data.byteLength / (channels * step));
  if (!frames) throw new Problem("must hold samples");
  const mono = new Float64Array(Math.min(frames, wanted(rate)));
  for (let frame = 0; frame < mono.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += read(data, (frame * channels + channel) * step);
    mono[frame] = sum / channels;
  }
  if (!mono.every(Number.isFinite)) throw new Problem("must hold finite samples");
  return { mono, rate, seconds: frames / rate };
};

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const resampled = (mono, given, wanted) => {
  if (given === wanted) return mono;
  const width = Math.min(1, wanted / given), reach = Math.ceil(CROSSINGS / width);
  return Float64Array.from({ length: Math.max(1, Math.floor((mono.length * wanted) / given)) }, (_, place) => {
    const steps = place * given, whole = Math.floor(steps / wanted), rest = (steps % wanted) / wanted;
    let sum = 0;
    for (let around = -reach + 1; around <= reach; around++) {
      const apart = rest - around;
      if (Math.abs(apart) >= reach) continue;
      sum += (mono[whole + around] ?? 0) * width * sinc(width * apart) * (0.5 + 0.5 * Math.cos((Math.PI * apart) / reach));
    }
    return sum;
  });
};

// Halves go to the even number, as NumPy rounds.
const rounded = (value) => {
  const floor = Math.floor(value), rest = value - floor;
  const near = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.min(32767, Math.max(-32768, near));
};

class SoundField extends FileField {
  constructor(entry, changed) {
    super(entry, changed);
    this.zone({ accept: ".wav,audio/wav", words: "Drop a wav file here, or choose one", kind: "sound", seen: { width: 448, height: 96, "aria-label": "The waveform as the model hears it" } });
  }

  async take(file) {
    if (!file) return;
    const { rate, shape: [length] } = this.entry;
    this.problem = undefined;
    try {
      const needed = (given) => Math.ceil((length * given) / rate) + CROSSINGS * Math.max(1, Math.floor(given / rate) + 1);
      const { mono, rate: given, seconds } = monoOf(await file.arrayBuffer(), needed);
      const heard = resampled(mono, given, rate);
      this.wave = new Int16Array(length);
      for (let at = 0; at < Math.min(length, heard.length); at++) this.wave[at] = rounded(heard[at]);
      const bytes = new DataView(new ArrayBuffer(2 * length));
      this.wave.forEach((value, at) => bytes.setInt16(2 * at, value, true));
      this.sound = { data: new Uint8Array(bytes.buffer), shape: [length, 2, 1] };
      this.fileName = file.name;
      this.said.textContent = `${said(seconds)} s at ${said(given)} a second, heard by the model as ${said(length / rate)} s at ${said(rate)}`;
      this.show();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
    this.changed();
  }

  // The lowest and highest sample in each column of pixels.
  show() {
    const { width, height } = this.seen, context = this.seen.getContext("2d");
    this.seen.hidden = false;
    context.clearRect(0, 0, width, height);
    context.fillStyle = getComputedStyle(this.seen).color;
    for (let column = 0; column < width; column++) {
      const first = Math.floor((column * this.wave.length) / width);
      const part = this.wave.subarray(first, Math.max(first + 1, Math.floor(((column + 1) * this.wave.length) / width)));
      const place = (value) => (height / 2) * (1 - value / 32768);
      const top = place(part.reduce((most, value) => Math.max(most, value))), low = place(part.reduce((least, value) => Math.min(least, value)));
      context.fillRect(column, top, 1, Math.max(1, low - top));
    }
  }

  read() {
    if (this.problem) throw this.problem;
    if (!this.sound) throw new Problem("a sound is needed");
    return this.sound;
  }
}
