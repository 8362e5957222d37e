// Pictures and maps on canvases. Maps come in the picture's size; colours are the figures' own.

const SCALE = 10; // canvas pixels per picture pixel

function canvasFor(canvas, size) {
  const side = size * SCALE;
  if (canvas.width !== side) canvas.width = canvas.height = side;
  return canvas.getContext("2d");
}

const small = document.createElement("canvas");

/** Shows size x size colours (RGBA) on a canvas, smooth or pixel by pixel. */
function show(canvas, rgba, size, cells) {
  small.width = small.height = size;
  small.getContext("2d").putImageData(new ImageData(rgba, size, size), 0, 0);
  const context = canvasFor(canvas, size);
  context.imageSmoothingEnabled = !cells;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  return context;
}

/** A gray picture (uint8). */
export function drawFace(canvas, gray, size, cells) {
  const rgba = new Uint8ClampedArray(4 * size * size);
  gray.forEach((value, i) => rgba.set([value, value, value, 255], 4 * i));
  return show(canvas, rgba, size, cells);
}

/** The lowest and highest value that a map is coloured between. */
export function rangeOf(maps, signed) {
  let low = Infinity, high = -Infinity;
  for (const map of maps) for (const value of map) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!signed) return [low, high];
  const limit = Math.max(Math.abs(low), Math.abs(high)) || 1;
  return [-limit, limit];
}

/**
 * A map over a gray picture. Signed maps are the more transparent the nearer a value is to 0; all
 * others are even. `strength` is the most that colour hides of the picture, 0 to 1.
 */
export function drawMap(canvas, gray, map, size, { signed, range, colours, strength, cells }) {
  const [low, high] = range;
  const span = high - low || 1;
  const rgba = new Uint8ClampedArray(4 * size * size);
  for (let i = 0; i < size * size; i++) {
    const share = Math.min(1, Math.max(0, (map[i] - low) / span));
    const at = 3 * Math.round(255 * share);
    const weight = signed ? strength * Math.min(1, 1.7 * Math.abs(2 * share - 1)) : strength;
    for (let c = 0; c < 3; c++) {
      rgba[4 * i + c] = weight * colours[at + c] + (1 - weight) * gray[i];
    }
    rgba[4 * i + 3] = 255;
  }
  return show(canvas, rgba, size, cells);
}

/** The outline of a mask (uint8), in white over black so that it shows on any ground. */
export function outline(canvas, mask, size) {
  const context = canvas.getContext("2d");
  const path = new Path2D();
  const inside = (x, y) => x >= 0 && y >= 0 && x < size && y < size && mask[y * size + x] > 0;
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) {
    if (!inside(x, y)) continue;
    const [l, t, r, b] = [x * SCALE, y * SCALE, (x + 1) * SCALE, (y + 1) * SCALE];
    if (!inside(x, y - 1)) { path.moveTo(l, t); path.lineTo(r, t); }
    if (!inside(x, y + 1)) { path.moveTo(l, b); path.lineTo(r, b); }
    if (!inside(x - 1, y)) { path.moveTo(l, t); path.lineTo(l, b); }
    if (!inside(x + 1, y)) { path.moveTo(r, t); path.lineTo(r, b); }
  }
  strokeTwice(context, path);
}

/** A path in black, and in white dashes upon it. */
export function strokeTwice(context, path, width = 2.5) {
  context.save();
  context.lineCap = "square";
  context.strokeStyle = "rgb(0 0 0 / .75)";
  context.lineWidth = width * 1.6;
  context.stroke(path);
  context.strokeStyle = "#fff";
  context.lineWidth = width;
  context.setLineDash([7, 7]);
  context.stroke(path);
  context.restore();
}

/** The colour strip of a scale. */
export function drawScale(canvas, colours) {
  const rgba = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) rgba.set([...colours.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  canvas.getContext("2d").putImageData(new ImageData(rgba, 256, 1), 0, 0);
}

/** A number as it stands at the end of a scale. */
export function told(value, signed) {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 3;
  const text = size && size < 0.001 ? size.toExponential(0) : size.toFixed(digits);
  const sign = value < 0 ? "−" : signed && value > 0 ? "+" : "";
  return sign + text;
}
export { SCALE };
