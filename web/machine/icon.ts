/**
 * favicon.ico, for programs that ask for it by that name: one PNG picture of 32 pixels in an ICO file (its entry says where it
 * begins and how long it is), the star piñata of assets/icon.svg on paper.
 */
import { Canvas } from "./og/canvas.ts";
import { area, disc, stroke } from "./og/path.ts";
import { encodePng } from "./og/png.ts";

const SIZE = 32;
const HEADER = 22;

export async function icon(): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new Canvas(SIZE, SIZE);
  canvas.clear([255, 249, 240, 1]);
  canvas.fill(stroke("M16 0v8", 2), [138, 106, 74, 1]);
  canvas.fill(area("M16 6l3 7 8-3-3 8 7 3-7 3 1 7-7-3-5 4-2-7-9-1 5-6-4-7 8 1z"), [228, 24, 127, 1]);
  canvas.fill(area("M16 11l2 5 6 0-4 4 2 6-6-3-6 3 2-6-4-4 6 0z"), [255, 200, 50, 1]);
  canvas.fill([disc([16, 19], 3)], [10, 143, 134, 1]);
  const png = await encodePng(SIZE, SIZE, canvas.pixels);
  const header = Buffer.alloc(HEADER);
  // One picture of type icon; its size, one plane, 32 bits, length, where it begins.
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(1, 4);
  header.set([SIZE, SIZE, 0, 0], 6);
  header.writeUInt16LE(1, 10);
  header.writeUInt16LE(32, 12);
  header.writeUInt32LE(png.length, 14);
  header.writeUInt32LE(HEADER, 18);
  return new Uint8Array(Buffer.concat([header, png]));
}
