/**
 * Pixels as a PNG (ISO/IEC 15948) of at most 256 colours: a picture of few paints has few colours but for its smooth edges, and
 * those take the nearest one. One byte a pixel, no filters (§12.8 for indexed colours), deflated by node:zlib off the main thread.
 */
import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";

/** @param rgb width × height × 3 bytes, rows from the top. */
export async function encodePng(width: number, height: number, rgb: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  if (rgb.length !== width * height * 3)
    throw new RangeError(`${rgb.length} bytes are not ${width} × ${height} pixels`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Depth 8, colour type 3 (indexed), deflate, adaptive filters, not interlaced.
  header.set([8, 3, 0, 0, 0], 8);
  const { palette, indexes } = indexed(rgb);
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(indexes.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const data = await promisify(deflate)(rows, { level: 9 });
  const chunks = [chunk("IHDR", header), chunk("PLTE", palette), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))];
  return new Uint8Array(Buffer.concat([SIGNATURE, ...chunks]));
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const COLOURS = 256;

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** The colours that most pixels have, and for each pixel the one nearest to it. */
function indexed(rgb: Uint8Array): { palette: Uint8Array; indexes: Uint8Array } {
  const pixels = rgb.length / 3;
  const counts = new Map<number, number>();
  const colourAt = (pixel: number) => (rgb[pixel * 3]! << 16) | (rgb[pixel * 3 + 1]! << 8) | rgb[pixel * 3 + 2]!;
  // Runs of one colour are long: most pixels are like the one before.
  let [colour, run] = [-1, 0];
  for (let pixel = 0; pixel <= pixels; pixel++) {
    const next = pixel === pixels ? -2 : colourAt(pixel);
    if (next === colour) run += 1;
    else {
      if (colour >= 0) counts.set(colour, (counts.get(colour) ?? 0) + run);
      [colour, run] = [next, 1];
    }
  }
  const chosen = [...counts].sort((a, b) => b[1] - a[1]).slice(0, COLOURS);
  const colours = chosen.map(([value]) => value);
  const known = new Map(colours.map((value, index) => [value, index]));
  const indexes = new Uint8Array(pixels);
  let [last, index] = [-1, 0];
  for (let pixel = 0; pixel < pixels; pixel++) {
    const value = colourAt(pixel);
    if (value !== last) {
      last = value;
      index = known.get(value) ?? nearest(colours, value);
      known.set(value, index);
    }
    indexes[pixel] = index;
  }
  return {
    palette: Uint8Array.from(colours.flatMap((value) => [value >> 16, (value >> 8) & 255, value & 255])),
    indexes,
  };
}

function nearest(colours: readonly number[], value: number): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let index = 0; index < colours.length; index++) {
    const colour = colours[index]!;
    const red = (colour >> 16) - (value >> 16);
    const green = ((colour >> 8) & 255) - ((value >> 8) & 255);
    const blue = (colour & 255) - (value & 255);
    const distance = red * red + green * green + blue * blue;
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}
