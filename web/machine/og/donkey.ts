/**
 * The donkey of the picture, in the page's own space of 400 by 428: fringed with six colours of cut paper, hanging from its
 * rope, and what its state does to it: awaited in newsprint, cracked, in two halves, with an open hatch.
 */
import type { Verdict } from "../../../monitor/schema.ts";
import type { Canvas, Colour, Paint } from "./canvas.ts";
import {
  apply,
  area,
  compose,
  disc,
  inverse,
  type Matrix,
  type Point,
  type Polygon,
  stroke,
  transformed,
  turn,
} from "./path.ts";

export type Shown = Exclude<Verdict, "blind">;

const BODY =
  "M110 200Q110 160 150 160H228Q258 156 268 112L312 132Q318 168 300 206V242Q300 284 258 284H152Q110 284 110 244Z";
const HEAD = "M272 118Q262 74 298 76Q316 78 336 98L368 130Q382 146 368 162Q354 174 336 166L302 154Q278 144 272 118Z";
const MUZZLE = "M346 108l22 22q14 16 0 32t-32 4l-9-3.5q6-32 19-54.5z";
const EAR_FAR = "M298 96Q270 56 290 22q26 28 24 70z";
const EAR = "M284 90Q248 62 252 24Q286 42 304 82z";
const EAR_IN = "M284 80Q262 60 261 40Q282 54 294 77z";
const MANE = "M284 70l-22 16 8 3-19 16 10 3-17 18 11 2-15 18 12 1-14 17 24 2q20-22 24-62z";
const TASSEL = "M80 224q-17 20-12 46l7-7 4 9 5-9 7 6 1-9 8 1q-2-24-20-37z";
const FAR_LEGS = ["M156 262h32l-3 84h-27z", "M222 262h32l-3 84h-27z"];
const LEGS = ["M116 258h36l-3 90h-29z", "M258 258h36l-3 90h-29z"];
const HOOVES = ["M118 335h32l-1 14h-30z", "M260 335h32l-1 14h-30z"];
const CRACK = "M204 160L184 186L212 204L186 224L214 246L196 285";
const LEFT_HALF = "M-60 -40H196V130L204 160L184 186L212 204L186 224L214 246L196 285V460H-60Z";
const RIGHT_HALF = "M460 -40H196V130L204 160L184 186L212 204L186 224L214 246L196 285V460H460Z";
/** ₿ as strokes around 0 0, about 22 high. */
const BITCOIN = "M-5-9V9M-8-9H2.5C8.5-9 8.5 0 2.5 0H-5M2.5 0H3.5C9.5 0 9.5 9 3.5 9H-8M-2.5-12v3M2-12v3M-2.5 9v3M2 9v3";

const rgb = (hex: number, alpha = 1): Colour => [hex >> 16, (hex >> 8) & 255, hex & 255, alpha];
const BRIGHT = [0xe4187f, 0xff8a1f, 0xffd23f, 0x12b5a2, 0x3b6cf0, 0x8a3fd1].map((hex) => rgb(hex));
const NEWSPRINT = [0xd9cdb8, 0xe6dcc9, 0xefe7d8, 0xdcd0bb, 0xcfc2ab, 0xc7b99f].map((hex) => rgb(hex));
export const PAPER = BRIGHT;
const ROW = 17;
const TILE = 8;

interface Look {
  paper: readonly Colour[];
  under: Colour;
  line: Colour;
  ear: Colour;
  hoof: Colour;
  eyes: "open" | "dizzy";
}

/** Draws the donkey as `state` leaves it; `place` puts its space onto the canvas, `pause` lets others work. */
export async function drawDonkey(
  canvas: Canvas,
  place: Matrix,
  state: Shown,
  pause: () => Promise<void>,
): Promise<void> {
  const look = lookOf(state);
  if (state === "smashed") {
    await half(canvas, place, look, { side: LEFT_HALF, move: turn(-13, [136, 348], [-40, 62]) }, pause);
    rope(canvas, place, look);
    await half(canvas, place, look, { side: RIGHT_HALF, move: turn(17, [203, 160]) }, pause);
    return;
  }
  rope(canvas, place, look);
  coat(canvas, place, look);
  await pause();
  face(canvas, place, look);
  if (state === "moving") {
    pen(canvas, place, CRACK, 13, rgb(0xfff3a8, 0.85));
    pen(canvas, place, CRACK, 5, rgb(0x1d0a20));
    pen(canvas, place, "M212 204l26-10 10 8M186 224l-30 8-10-10M214 246l22 10", 3, rgb(0x1d0a20));
    drawCoin(canvas, place, [198, 316], 16);
  }
  if (state === "refunded") {
    paint(canvas, place, area("M150 262h72v26h-72z"), rgb(0x1d0a20));
    outlined(canvas, place, "M150 288l-12 34h72l12-34z", rgb(0xe8c691), look.line);
  }
}

/** A coin around a point of the donkey's space. */
export function drawCoin(canvas: Canvas, place: Matrix, [x, y]: Point, degrees: number): void {
  const own = compose(place, compose([1, 0, 0, 1, x, y], turn(degrees, [0, 0])));
  paint(canvas, own, [disc([0, 0], 15.3)], rgb(0x9a5b00));
  paint(canvas, own, [disc([0, 0], 13.7)], rgb(0xffc832));
  paint(canvas, own, [disc([-2, -3], 9)], rgb(0xffe48a, 0.6));
  pen(canvas, compose(own, [0.62, 0, 0, 0.62, 0, 0]), BITCOIN, 3.2, rgb(0x7a4600));
}

function lookOf(state: Shown): Look {
  const eyes = state === "smashed" ? "dizzy" : "open";
  const colours = { line: rgb(0x35163c), ear: rgb(0xff8a1f), hoof: rgb(0xffc832) };
  if (state !== "awaited") return { paper: BRIGHT, under: rgb(0x6b2350), ...colours, eyes };
  return {
    ...{ paper: NEWSPRINT, under: rgb(0xa5957a), line: rgb(0x6b5a40) },
    ...{ ear: rgb(0xdccfb8), hoof: rgb(0xc7b99f), eyes },
  };
}

async function half(
  canvas: Canvas,
  place: Matrix,
  look: Look,
  { side, move }: { side: string; move: Matrix },
  pause: () => Promise<void>,
): Promise<void> {
  const own = compose(place, move);
  const mask = canvas.mask(transformed(area(side), own));
  coat(canvas, own, look, mask);
  await pause();
  face(canvas, own, look, mask);
  pen(canvas, own, CRACK, 13, rgb(0xe8c691), mask);
  await pause();
}

function rope(canvas: Canvas, place: Matrix, { line }: Look): void {
  pen(canvas, place, "M200 -40V158", 5, rgb(0x8a6a4a));
  outlined(canvas, place, "M190 156q10-14 20 0q4 10-10 12t-10-12z", rgb(0xb98d5c), line);
}

/** Tail, legs and body. */
function coat(canvas: Canvas, place: Matrix, look: Look, mask?: Float32Array): void {
  const { paper, line, ear, hoof } = look;
  const draw = (path: string, fill: Paint) => outlined(canvas, place, path, fill, line, mask);
  const fringe = fringeOf(look, inverse(place));
  pen(canvas, place, "M118 186C92 182 78 204 80 232", 11, paper[3]!, mask);
  draw(TASSEL, paper[0]!);
  for (const leg of FAR_LEGS) draw(leg, paper[5]!);
  draw(EAR_FAR, ear);
  for (const leg of LEGS) draw(leg, fringe);
  for (const foot of HOOVES) draw(foot, hoof);
  draw(BODY, fringe);
  paint(canvas, place, area(BODY), shade(inverse(place)), mask);
}

/** Head, and the seal on the belly. */
function face(canvas: Canvas, place: Matrix, look: Look, mask?: Float32Array): void {
  const { paper, line, ear } = look;
  const draw = (path: string, fill: Paint) => outlined(canvas, place, path, fill, line, mask);
  const headFringe = fringeOf(look, compose(turn(46, [0, 0]), inverse(place)));
  draw(MANE, paper[0]!);
  draw(HEAD, headFringe);
  draw(MUZZLE, rgb(0xfff3dd));
  pen(canvas, place, "M366 142q3 3 1 7M340 158q13 6 24-2", 2.6, line, mask);
  draw(EAR, ear);
  paint(canvas, place, area(EAR_IN), paper[0]!, mask);
  paint(canvas, place, [disc([312, 106], 13)], line, mask);
  paint(canvas, place, [disc([312, 106], 11.2)], rgb(0xffffff), mask);
  if (look.eyes === "dizzy") pen(canvas, place, "M305 99l14 14M319 99l-14 14", 2.8, line, mask);
  else {
    paint(canvas, place, [disc([315, 108], 6.5)], line, mask);
    paint(canvas, place, [disc([317.5, 105.5], 2)], rgb(0xffffff), mask);
  }
  if (look.paper === NEWSPRINT) return;
  const seal: Matrix = [1, 0, 0, 1, 205, 222];
  paint(canvas, compose(place, seal), [disc([0, 0], 32)], rgb(0x7c0b20), mask);
  paint(canvas, compose(place, seal), [disc([0, 0], 30)], rgb(0xb5122f), mask);
  paint(canvas, compose(place, seal), [disc([0, 0], 25)], rgb(0xd2203f), mask);
  pen(canvas, compose(compose(place, seal), [1.35, 0, 0, 1.35, 0, 0]), BITCOIN, 2.4, rgb(0xfff1c9), mask);
}

/** Strips of cut paper, the round ends of each hanging over the next row. */
function fringeOf({ paper, under }: Look, back: Matrix): Paint {
  const at = (x: number, y: number): Colour => {
    const row = Math.floor((y - 9) / ROW);
    const inTile = (((x % TILE) + TILE) % TILE) - TILE / 2;
    const hanging = 2 + 4.6 * Math.sqrt(Math.max(0, 1 - (inTile / 3.7) ** 2));
    if (Math.abs(inTile) > 3.75) return under;
    const shown = y - 9 - row * ROW < hanging ? row - 1 : row;
    return paper[((shown % paper.length) + paper.length) % paper.length]!;
  };
  // Four looks at each pixel: the strips' edges are thinner than one.
  const [a, b, c, d, e, f] = back;
  return (x, y) => {
    let [red, green, blue] = [0, 0, 0];
    for (const [dx, dy] of LOOKS) {
      const colour = at(a * (x + dx) + c * (y + dy) + e, b * (x + dx) + d * (y + dy) + f);
      red += colour[0];
      green += colour[1];
      blue += colour[2];
    }
    return [red / LOOKS.length, green / LOOKS.length, blue / LOOKS.length, 1];
  };
}

const LOOKS: readonly Point[] = [
  [-0.25, -0.25],
  [0.25, -0.25],
  [-0.25, 0.25],
  [0.25, 0.25],
];

/** Light from above, dusk below. In few steps: the picture must stay small. */
function shade(back: Matrix): Paint {
  return (x, y) => {
    const [, height] = apply(back, [x, y]);
    const down = Math.round(((height - 112) / 172) * 16) / 16;
    return down < 0.45 ? rgb(0xffffff, 0.22 * (1 - down / 0.45)) : rgb(0x2a0a30, 0.36 * ((down - 0.45) / 0.55));
  };
}

function outlined(canvas: Canvas, place: Matrix, path: string, fill: Paint, line: Colour, mask?: Float32Array): void {
  paint(canvas, place, area(path), fill, mask);
  pen(canvas, place, path, 2, line, mask);
}

function pen(canvas: Canvas, place: Matrix, path: string, width: number, colour: Colour, mask?: Float32Array): void {
  paint(canvas, place, stroke(path, width), colour, mask);
}

function paint(canvas: Canvas, place: Matrix, shape: readonly Polygon[], fill: Paint, mask?: Float32Array): void {
  canvas.fill(transformed(shape, place), fill, mask);
}
