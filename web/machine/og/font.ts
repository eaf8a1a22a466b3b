/**
 * Letters drawn with a round pen: each is a path ten units high, so they are sharp at every size and need no font file.
 * Capitals, digits and the signs that the picture uses; anything else is an empty box.
 */
import { type Matrix, type Polygon, stroke, transformed } from "./path.ts";

/** Width and path, from the top (0) to the base line (10). */
const LETTERS: Readonly<Record<string, readonly [width: number, path: string]>> = {
  A: [7, "M0 10L3.5 0L7 10M1.2 6.6H5.8"],
  B: [6, "M0 0V10H3.3C5 10 6 9 6 7.4C6 5.8 5 4.8 3.3 4.8H0M3.2 4.8C4.6 4.8 5.4 3.8 5.4 2.4C5.4 1 4.6 0 3.2 0H0"],
  C: [6.5, "M6.5 2C5.9 .8 4.9 0 3.6 0C1.4 0 0 2 0 5C0 8 1.4 10 3.6 10C4.9 10 5.9 9.2 6.5 8"],
  D: [6.5, "M0 0V10H2.6C5 10 6.5 8 6.5 5C6.5 2 5 0 2.6 0Z"],
  E: [5.5, "M5.5 0H0V10H5.5M0 4.9H4.8"],
  F: [5.3, "M5.3 0H0V10M0 5H4.6"],
  G: [6.6, "M6.4 2C5.8 .8 4.9 0 3.6 0C1.4 0 0 2 0 5C0 8 1.4 10 3.6 10C5.2 10 6.6 9 6.6 6.8V5.4H3.8"],
  H: [6.5, "M0 0V10M6.5 0V10M0 4.9H6.5"],
  I: [0.2, "M.1 0V10"],
  J: [4.5, "M4.5 0V7C4.5 9 3.6 10 2.2 10C.9 10 .2 9.2 0 8"],
  K: [6.2, "M0 0V10M6 0L0 6.2M2.2 4.2L6.2 10"],
  L: [5, "M0 0V10H5"],
  M: [8, "M0 10V0L4 6.4L8 0V10"],
  N: [6.6, "M0 10V0L6.6 10V0"],
  Ñ: [6.6, "M0 10V0L6.6 10V0M1.5 -2.3C2.2 -3.5 2.9 -3.1 3.3 -2.8C3.8 -2.4 4.5 -2.1 5.1 -3.3"],
  O: [7.4, "M3.7 0C1.4 0 0 2 0 5C0 8 1.4 10 3.7 10C6 10 7.4 8 7.4 5C7.4 2 6 0 3.7 0Z"],
  P: [5.8, "M0 10V0H3C4.8 0 5.8 1.1 5.8 2.8C5.8 4.5 4.8 5.6 3 5.6H0"],
  Q: [7.4, "M3.7 0C1.4 0 0 2 0 5C0 8 1.4 10 3.7 10C6 10 7.4 8 7.4 5C7.4 2 6 0 3.7 0ZM4.8 7.4L7.6 10.6"],
  R: [6, "M0 10V0H3C4.8 0 5.8 1.1 5.8 2.8C5.8 4.5 4.8 5.6 3 5.6H0M3 5.6L6 10"],
  S: [
    5.8,
    "M5.5 1.7C5 .6 4.1 0 2.9 0C1.3 0 .3 1 .3 2.5C.3 4.1 1.5 4.5 3 4.9C4.7 5.3 5.8 5.9 5.8 7.5C5.8 9.1 4.6 10 2.9 10C1.5 10 .4 9.3 0 8",
  ],
  T: [6.4, "M0 0H6.4M3.2 0V10"],
  U: [6.4, "M0 0V6.4C0 8.8 1.2 10 3.2 10C5.2 10 6.4 8.8 6.4 6.4V0"],
  V: [7, "M0 0L3.5 10L7 0"],
  W: [9.6, "M0 0L2.4 10L4.8 1.5L7.2 10L9.6 0"],
  X: [6.4, "M0 0L6.4 10M6.4 0L0 10"],
  Y: [6.6, "M0 0L3.3 5V10M6.6 0L3.3 5"],
  Z: [6, "M0 0H6L0 10H6"],
  0: [6, "M3 0C1.1 0 0 2 0 5C0 8 1.1 10 3 10C4.9 10 6 8 6 5C6 2 4.9 0 3 0Z"],
  1: [3.4, "M.4 2L3 0V10"],
  2: [5.8, "M.2 2.5C.4 1 1.4 0 2.9 0C4.5 0 5.6 1 5.6 2.6C5.6 4 4.8 5 3.4 6.4L0 10H5.8"],
  3: [
    5.8,
    "M.4 1.7C.8 .6 1.7 0 2.8 0C4.4 0 5.4 .9 5.4 2.4C5.4 3.9 4.3 4.7 2.6 4.7C4.6 4.7 5.8 5.6 5.8 7.3C5.8 9 4.6 10 2.8 10C1.4 10 .4 9.4 0 8.2",
  ],
  4: [6.2, "M4.6 10V0L0 7H6.2"],
  5: [5.8, "M5.2 0H1L.5 4.6C1.1 4.1 1.9 3.8 2.8 3.8C4.6 3.8 5.8 5 5.8 6.9C5.8 8.8 4.6 10 2.8 10C1.4 10 .4 9.3 0 8.2"],
  6: [
    5.8,
    "M5 .9C4.6 .3 3.9 0 3.1 0C1.2 0 0 2 0 5.4C0 8.5 1.1 10 3 10C4.7 10 5.8 8.8 5.8 6.9C5.8 5.1 4.7 3.9 3 3.9C1.5 3.9 .4 4.8 0 6",
  ],
  7: [5.8, "M0 0H5.8L2 10"],
  8: [
    5.8,
    "M2.9 4.7C1.4 4.7 .4 3.8 .4 2.4C.4 1 1.4 0 2.9 0C4.4 0 5.4 1 5.4 2.4C5.4 3.8 4.4 4.7 2.9 4.7C1.2 4.7 0 5.7 0 7.3C0 8.9 1.2 10 2.9 10C4.6 10 5.8 8.9 5.8 7.3C5.8 5.7 4.6 4.7 2.9 4.7Z",
  ],
  9: [
    5.8,
    "M.8 9.1C1.2 9.7 1.9 10 2.7 10C4.6 10 5.8 8 5.8 4.6C5.8 1.5 4.7 0 2.8 0C1.1 0 0 1.2 0 3.1C0 4.9 1.1 6.1 2.8 6.1C4.3 6.1 5.4 5.2 5.8 4",
  ],
  ".": [0.2, "M.1 9.9V10"],
  ",": [0.8, "M.6 9.7L0 11.5"],
  "·": [0.2, "M.1 5V5.1"],
  ":": [0.2, "M.1 3.4V3.5M.1 9.9V10"],
  "-": [3, "M0 5.4H3"],
  _: [5, "M0 10H5"],
  "?": [5, "M.2 2.2C.5 .8 1.3 0 2.6 0C4 0 5 1 5 2.4C5 4.2 2.6 4.6 2.6 6.8M2.6 9.9V10"],
  " ": [1.6, ""],
};

const BOX: readonly [number, string] = [6, "M0 0H6V10H0Z"];
/** Between the ink of two letters. */
const GAP = 1.5;

export interface TextStyle {
  /** Pixels from the top of a capital to the base line. */
  height: number;
  /** Of the pen, in pixels. */
  pen: number;
}

/** How wide a text is in pixels, from pen centre to pen centre. */
export function widthOf(text: string, { height, pen }: TextStyle): number {
  const gap = GAP + (pen * 10) / height;
  const units = [...text].reduce((sum, character) => sum + letter(character)[0] + gap, -gap);
  return (units * height) / 10;
}

/** A text as shapes, the pen's centre at `x` `y` in its upper left corner. */
export function write(text: string, x: number, y: number, { height, pen }: TextStyle): Polygon[] {
  const scale = height / 10;
  const gap = GAP + pen / scale;
  let at = 0;
  return [...text].flatMap((character) => {
    const [width, path] = letter(character);
    const matrix: Matrix = [scale, 0, 0, scale, x + at * scale, y];
    at += width + gap;
    return path === "" ? [] : transformed(stroke(path, pen / scale), matrix);
  });
}

function letter(character: string): readonly [width: number, path: string] {
  return LETTERS[character] ?? BOX;
}
