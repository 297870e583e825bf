// A picture as the model takes it: scaled as `ingest` scales, see serving/rows/media/image_files.py.
const BITS = 22;

// One axis of Pillow's bilinear filter: for each place where it begins, and its whole-number weights.
const weightsOf = (size, from, to, wanted) => {
  const scale = (to - from) / wanted, wide = Math.max(scale, 1);
  return Array.from({ length: wanted }, (_, place) => {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - wide + 0.5), 0), last = Math.min(Math.trunc(centre + wide + 0.5), size);
    const raw = Array.from({ length: last - first }, (_, at) => Math.max(0, 1 - Math.abs((at + first - centre + 0.5) / wide)));
    const total = raw.reduce((sum, weight) => sum + weight, 0) || 1;
    return { first, weights: raw.map((weight) => Math.trunc(0.5 + (weight / total) * 2 ** BITS)) };
  });
};

// `pixels` (height, width, channels) with the axis across, or down, scaled to `wanted`.
const scaled = ({ data, height, width, channels }, wanted, from, to, across) => {
  const size = across ? width : height;
  if (wanted === size && from === 0 && to === size) return { data, height, width, channels };
  const result = { height: across ? height : wanted, width: across ? wanted : width, channels };
  const places = weightsOf(size, from, to, wanted);
  result.data = new Uint8Array(result.height * result.width * channels);
  for (let row = 0; row < result.height; row++) {
    for (let column = 0; column < result.width; column++) {
      const { first, weights } = places[across ? column : row];
      for (let channel = 0; channel < channels; channel++) {
        let sum = 2 ** (BITS - 1);
        for (let at = 0; at < weights.length; at++) {
          const source = across ? row * width + first + at : (first + at) * width + column;
          sum += data[source * channels + channel] * weights[at];
        }
        result.data[(row * result.width + column) * channels + channel] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
      }
    }
  }
  return result;
};

// Which part of a picture is shown where in a frame, see serving/rows/media/image_files.py `geometry`.
const geometry = ([height, width], [rows, columns], fit) => {
  const whole = [0, 0, width, height];
  if (fit === "crop") {
    const ratio = Math.min(height / rows, width / columns), shown = [rows * ratio, columns * ratio];
    const top = Math.max((height - shown[0]) / 2, 0), left = Math.max((width - shown[1]) / 2, 0);
    return { box: [left, top, Math.min(left + shown[1], width), Math.min(top + shown[0], height)], inner: [rows, columns], above: 0, before: 0 };
  }
  if (fit === "pad") {
    const ratio = Math.min(rows / height, columns / width);
    const inner = [height, width].map((side) => Math.max(1, Math.floor(side * ratio + 0.5)));
    return { box: whole, inner, above: Math.floor((rows - inner[0]) / 2), before: Math.floor((columns - inner[1]) / 2) };
  }
  return { box: whole, inner: [rows, columns], above: 0, before: 0 };
};

const stored = (picture, [rows, columns], fit) => {
  const { box, inner, above, before } = geometry([picture.height, picture.width], [rows, columns], fit);
  const wide = scaled(picture, inner[1], box[0], box[2], true);
  const { data, channels } = scaled(wide, inner[0], box[1], box[3], false);
  if (inner[0] === rows && inner[1] === columns) return data;
  const frame = new Uint8Array(rows * columns * channels);
  for (let row = 0; row < inner[0]; row++) {
    const line = data.subarray(row * inner[1] * channels, (row + 1) * inner[1] * channels);
    frame.set(line, ((above + row) * columns + before) * channels);
  }
  return frame;
};

// The pixels of an image file, upright, on white where it is transparent, grey or in colours.
const decoded = async (file, channels) => {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Problem("must be a picture that this browser reads: JPEG, PNG, GIF, BMP or WebP");
  }
  const { height, width } = bitmap;
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(height * width * channels);
  for (let at = 0, to = 0; at < rgba.length; at += 4) {
    if (channels === 3) for (let channel = 0; channel < 3; channel++) data[to++] = rgba[at + channel];
    else data[to++] = (rgba[at] * 19595 + rgba[at + 1] * 38470 + rgba[at + 2] * 7471 + 0x8000) >> 16;
  }
  return { data, height, width, channels };
};

class PictureField extends FileField {
  constructor(entry, changed) {
    super(entry, changed);
    this.zone({ accept: "image/*", words: "Drop a picture here, paste one, or choose a file", seen: { width: 1, height: 1, "aria-label": "The picture as the model sees it" } });
    addEventListener("paste", (event) => { if (event.clipboardData.files.length) this.take(event.clipboardData.files[0]); });
  }

  async take(file) {
    if (!file) return;
    const [height, width, channels] = this.entry.shape;
    this.problem = undefined;
    try {
      const picture = await decoded(file, channels === 1 ? 1 : 3);
      const size = [height ?? picture.height, width ?? picture.width];
      const scale = this.entry.fit !== undefined || this.entry.fixed_size;
      const data = scale ? stored(picture, size, this.entry.fit ?? "stretch") : picture.data;
      const shape = scale ? [...size, picture.channels] : [picture.height, picture.width, picture.channels];
      this.picture = { data, shape };
      this.fileName = file.name;
      this.said.textContent = `${picture.width} × ${picture.height}, seen by the model as ${shape[1]} × ${shape[0]}`;
      this.show();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
    this.changed();
  }

  show() {
    const [height, width, channels] = this.picture.shape;
    Object.assign(this.seen, { width, height, hidden: false });
    const image = new ImageData(width, height);
    for (let at = 0; at < width * height; at++) {
      for (let channel = 0; channel < 3; channel++) image.data[4 * at + channel] = this.picture.data[at * channels + (channels === 1 ? 0 : channel)];
      image.data[4 * at + 3] = 255;
    }
    this.seen.getContext("2d").putImageData(image, 0, 0);
  }

  read() {
    if (this.problem) throw this.problem;
    if (!this.picture) throw new Problem("a picture is needed");
    return this.picture;
  }
}
