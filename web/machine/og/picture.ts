/**
 * The picture that stands beside a shared link: 1200 × 630 pixels, the donkey as its state leaves it, the state in one word, the
 * amount and the days. Drawn here and nowhere else, from shapes; one drawing for each set of facts.
 */
import type { Verdict } from "../../../monitor/schema.ts";
import { Canvas, type Colour } from "./canvas.ts";
import { drawCoin, drawDonkey, PAPER } from "./donkey.ts";
import { type TextStyle, widthOf, write } from "./font.ts";
import { area, disc, type Matrix, type Polygon, transformed, turn } from "./path.ts";
import type { PictureFacts } from "./picture-key.ts";
import { encodePng } from "./png.ts";

const WIDTH = 1200;
const HEIGHT = 630;

interface Mood {
  sky: Colour;
  halo: Colour;
  ground: Colour;
  word: Colour;
  ink: Colour;
}

const rgb = (hex: number, alpha = 1): Colour => [hex >> 16, (hex >> 8) & 255, hex & 255, alpha];
const DAY = { sky: rgb(0xfff9f0), halo: rgb(0xffe9c4), ground: rgb(0xe9d2b4), ink: rgb(0x4a3850) };
const MOODS: Readonly<Record<Verdict, Mood>> = {
  awaited: { ...DAY, sky: rgb(0xf6f1e7), halo: rgb(0xebe2d0), word: rgb(0x6b5636) },
  sealed: { ...DAY, word: rgb(0x08736b) },
  moving: { ...DAY, sky: rgb(0xfff3e0), halo: rgb(0xffdca3), word: rgb(0xa04400) },
  smashed: { sky: rgb(0x24112e), halo: rgb(0x47205a), ground: rgb(0x120818), word: rgb(0xff7db8), ink: rgb(0xe9d9ee) },
  refunded: { ...DAY, sky: rgb(0xf1f3ff), halo: rgb(0xdde2ff), ground: rgb(0xcdd3ee), word: rgb(0x3f4bb0) },
  blind: { sky: rgb(0xe4e0dc), halo: rgb(0xd6d1cc), ground: rgb(0xc3bdb8), word: rgb(0x5c5666), ink: rgb(0x5c5666) },
};

/** The donkey's space onto the left half. */
const PLACE: Matrix = [1.27, 0, 0, 1.27, 30, 66];
const BANNER_HEIGHT = 64;
const SKY_OF_FOG = [228, 224, 220] as const;
const TEXT_LEFT = 610;
const TEXT_WIDTH = WIDTH - TEXT_LEFT - 70;

/** Takes a good part of a second in all, in pieces: between them others work. */
export async function drawPicture(facts: PictureFacts): Promise<Uint8Array<ArrayBuffer>> {
  const { state, known, amount, note, days } = facts;
  const canvas = new Canvas(WIDTH, HEIGHT);
  const mood = MOODS[state];
  canvas.clear(mood.sky);
  canvas.fill([disc([290, 335], 240)], mood.halo);
  canvas.fill([disc([290, 590], 190, 0.09)], mood.ground);
  banner(canvas, mood);
  if (known === "smashed") confetti(canvas);
  await pause();
  await drawDonkey(canvas, PLACE, known === "blind" ? "sealed" : known, pause);
  await pause();
  if (known === "smashed") coins(canvas, PILE);
  if (known === "refunded") pouch(canvas);
  if (state === "blind") {
    canvas.fade(BANNER_HEIGHT, 560, [...SKY_OF_FOG, 0.5]);
    fog(canvas);
  }
  await pause();

  const line = (text: string, top: number, colour: Colour, style: TextStyle) => {
    const fitting = fitted(text, style);
    canvas.fill(write(text, TEXT_LEFT, top, fitting), colour);
  };
  line("BITCOIN PIÑATA", 166, mood.ink, { height: 26, pen: 4.5 });
  line(state.toUpperCase(), 246, mood.word, { height: 112, pen: 22 });
  const rest = [amount, days, note].filter((text) => text !== "");
  for (const [i, text] of rest.entries()) {
    line(text, 418 + i * 58, mood.ink, i === 0 ? { height: 34, pen: 6 } : { height: 26, pen: 4.5 });
  }
  await pause();
  return encodePng(WIDTH, HEIGHT, canvas.pixels);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The same style, or a smaller one in which the text is not too wide. */
function fitted(text: string, style: TextStyle): TextStyle {
  const share = Math.min(1, TEXT_WIDTH / widthOf(text, style));
  return { height: style.height * share, pen: style.pen * share };
}

/** Papel picado: a string of cut-paper flags along the top. */
function banner(canvas: Canvas, { sky }: Mood): void {
  const flag = "M3 0H77V52L67 60L57 52L48 60L40 52L32 60L23 52L13 60L3 52Z";
  for (let i = 0; i < 15; i++) {
    const place: Matrix = [1, 0, 0, 1, i * 80, 0];
    canvas.fill(transformed(area(flag), place), PAPER[(i * 5) % PAPER.length]!);
    const holes = [disc([40, 26], 9), disc([18, 16], 5), disc([62, 16], 5), disc([22, 38], 4.5), disc([58, 38], 4.5)];
    canvas.fill(transformed(holes, place), sky);
  }
}

const PILE = [
  [112, 408, 5],
  [146, 411, -20],
  [182, 407, 35],
  [216, 411, -8],
  [252, 408, 18],
  [288, 412, -30],
  [164, 392, 12],
  [200, 390, -14],
  [234, 393, 40],
  [176, 300, 20],
  [214, 278, -30],
  [232, 330, 12],
  [196, 346, 70],
  [160, 352, -15],
] as const;

function coins(canvas: Canvas, places: readonly (readonly [number, number, number])[]): void {
  for (const [x, y, degrees] of places) drawCoin(canvas, PLACE, [x, y], degrees);
}

const CONFETTI = 60;

/** Scattered, but always the same: no chance in it. */
function confetti(canvas: Canvas): void {
  for (let i = 0; i < CONFETTI; i++) {
    const x = (i * 397) % WIDTH;
    const y = 90 + ((i * 211) % 500);
    const paper = transformed([rectangle(x, y, 16, 9)], turn((i * 67) % 180, [x + 8, y + 4]));
    const [red, green, blue] = PAPER[i % PAPER.length]!;
    canvas.fill(paper, [red, green, blue, x < 560 ? 1 : 0.35]);
  }
}

function pouch(canvas: Canvas): void {
  canvas.fill(transformed(area("M44 366q-18 46 6 50h44q24-4 6-50l8-14H36z"), PLACE), rgb(0x9b6a3a));
  canvas.fill(transformed([rectangle(40, 362, 64, 6)], PLACE), rgb(0xffd23f));
  coins(canvas, [[72, 391, 0]]);
}

/** Clouds of the sky's own colour over the donkey. */
function fog(canvas: Canvas): void {
  const puffs = [
    [170, 262, 150],
    [400, 330, 150],
    [250, 412, 190],
  ] as const;
  for (const [x, y, radius] of puffs) {
    canvas.fill([disc([x, y], radius, 0.3)], [...SKY_OF_FOG, 0.45]);
    canvas.fill([disc([x + 18, y + 6], radius * 0.75, 0.22)], [...SKY_OF_FOG, 0.55]);
  }
}

function rectangle(x: number, y: number, width: number, height: number): Polygon {
  return [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
  ];
}
