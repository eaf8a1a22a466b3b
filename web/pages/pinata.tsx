/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The picture: a papier-mâché donkey on a rope, as one inline SVG that holds every state. The stylesheet shows the
 * layers of the state named by `data-state` (and `data-known` under fog) on an ancestor, and moves them; no inline
 * style anywhere. Without the stylesheet the plain donkey is what remains: layers are off by attribute.
 */
import type { FC } from "hono/jsx";

const ROWS = 6;
const ROW = 17;
const TILE = 8;

/** One strip of cut paper, as wide as the tile, its rounded end hanging over the next row. */
function strip(row: number): string {
  return `M.3 ${row * ROW}h7.4v${ROW + 2}q-.6 4.6-3.7 4.6t-3.7-4.6z`;
}

/** Six colours of fringe, over and over. */
const Fringe: FC<{ id: string }> = ({ id }) => (
  <pattern id={id} width={TILE} height={ROWS * ROW} patternUnits="userSpaceOnUse" patternTransform="translate(0 9)">
    <rect width={TILE} height={ROWS * ROW} class="under" />
    {[5, 4, 3, 2, 1, 0, -1].map((row) => (
      <path class={`p${(row + ROWS) % ROWS}`} d={strip(row)} />
    ))}
  </pattern>
);

/** ₿ drawn as strokes, centred on 0 0 and about 22 high: fonts do not always have the sign. */
const BITCOIN = "M-5-9V9M-8-9H2.5a4.5 4.5 0 0 1 0 9H-5M2.5 0H3.5a4.5 4.5 0 0 1 0 9H-8M-2.5-12v3M2-12v3M-2.5 9v3M2 9v3";

/** An animated coin needs a group of its own: the animation replaces the transform of what it moves. */
const Coin: FC<{ x: number; y: number; turn?: number; class?: string }> = ({ x, y, turn = 0, class: name }) => {
  const coin = <use href="#coin" transform={`translate(${x} ${y})${turn === 0 ? "" : `rotate(${turn})`}`} />;
  return name === undefined ? coin : <g class={name}>{coin}</g>;
};

/** Where it tears: from top to bottom through the belly. */
const TEAR = "196 130 204 160 184 186 212 204 186 224 214 246 196 285";
/** The same within the body only. */
const CRACK = `M${TEAR.slice(8)}`;

const FALLING = [
  [176, 300, 20],
  [214, 278, -30],
  [232, 330, 12],
  [196, 346, 70],
  [160, 352, -15],
] as const;

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
] as const;

const CONFETTI = [
  [60, 300, 20],
  [86, 360, -35],
  [128, 330, 60],
  [268, 352, 15],
  [306, 316, -25],
  [338, 372, 48],
  [92, 250, 10],
  [330, 262, 70],
  [52, 396, -60],
  [356, 402, 25],
] as const;

const Donkey: FC = () => (
  <g id="donkey">
    <path class="tail" d="M118 186C92 182 78 204 80 232" />
    <path class="tassel" d="M80 224q-17 20-12 46l7-7 4 9 5-9 7 6 1-9 8 1q-2-24-20-37z" />
    <g class="far">
      <path d="M156 262h32l-3 84h-27z" />
      <path d="M222 262h32l-3 84h-27z" />
    </g>
    <path class="hoof" d="M157 334h29l-1 13h-27zM223 334h29l-1 13h-27z" />
    <path class="ear" d="M298 96Q270 56 290 22q26 28 24 70z" />
    <path class="fringed" d="M116 258h36l-3 90h-29zM258 258h36l-3 90h-29z" />
    <path class="hoof" d="M118 335h32l-1 14h-30zM260 335h32l-1 14h-30z" />
    <path
      class="fringed"
      d="M110 200Q110 160 150 160H228Q258 156 268 112L312 132Q318 168 300 206V242Q300 284 258 284H152Q110 284 110 244Z"
    />
    <path
      class="shade"
      d="M110 200Q110 160 150 160H228Q258 156 268 112L312 132Q318 168 300 206V242Q300 284 258 284H152Q110 284 110 244Z"
    />
    <path class="mane" d="M284 70l-22 16 8 3-19 16 10 3-17 18 11 2-15 18 12 1-14 17 24 2q20-22 24-62z" />
    <path
      class="headed"
      d="M272 118Q262 74 298 76Q316 78 336 98L368 130Q382 146 368 162Q354 174 336 166L302 154Q278 144 272 118Z"
    />
    <path class="muzzle" d="M346 108l22 22q14 16 0 32t-32 4l-9-3.5q6-32 19-54.5z" />
    <path class="line" d="M366 142q3 3 1 7M340 158q13 6 24-2" />
    <path class="ear" d="M284 90Q248 62 252 24Q286 42 304 82z" />
    <path class="earin" d="M284 80Q262 60 261 40Q282 54 294 77z" />
    <circle class="eye" cx="312" cy="106" r="12" />
    <circle class="pupil" cx="315" cy="108" r="6.5" />
    <circle class="glint" cx="317.5" cy="105.5" r="2" />
    <path class="dizzy" d="M305 99l14 14M319 99l-14 14" />
    <path class="line" d="M299 97l-6-5M305 93l-4-7M313 91l0-7" />
    <g transform="translate(205 222)">
      <circle class="seal" r="31" />
      <circle class="sealin" r="25" />
      <path class="mark" d={BITCOIN} transform="scale(1.35)" />
    </g>
  </g>
);

/** `title` is what a screen reader says; it follows the state. */
export const Pinata: FC<{ title: string }> = ({ title }) => (
  <svg class="pinata" viewBox="0 0 400 428" role="img" aria-labelledby="pinata-title">
    <title id="pinata-title" data-t="picture">
      {title}
    </title>
    <defs>
      <Fringe id="fringe" />
      <pattern id="fringe-head" href="#fringe" patternTransform="rotate(-46 300 110)" />
      <linearGradient id="volume" x1="0" x2="0" y1="0" y2="1">
        <stop offset="0" stop-color="#fff" stop-opacity=".22" />
        <stop offset=".45" stop-color="#fff" stop-opacity="0" />
        <stop offset="1" stop-color="#2a0a30" stop-opacity=".36" />
      </linearGradient>
      <radialGradient id="gold" cx=".35" cy=".3" r=".9">
        <stop offset="0" stop-color="#fff1b0" />
        <stop offset=".5" stop-color="#ffc832" />
        <stop offset="1" stop-color="#d98a00" />
      </radialGradient>
      <radialGradient id="mist">
        <stop offset="0" class="mist" stop-opacity=".97" />
        <stop offset=".6" class="mist" stop-opacity=".8" />
        <stop offset="1" class="mist" stop-opacity="0" />
      </radialGradient>
      <g id="coin">
        <circle class="coin" r="14.5" />
        <circle class="rim" r="11" />
        <path class="cmark" d={BITCOIN} transform="scale(.62)" />
      </g>
      <Donkey />
      <clipPath id="left">
        <path d={`M0-20H196L${TEAR}V440H0Z`} />
      </clipPath>
      <clipPath id="right">
        <path d={`M400-20H196L${TEAR}V440H400Z`} />
      </clipPath>
    </defs>
    <circle class="halo" cx="200" cy="212" r="186" />
    <ellipse class="ground" cx="202" cy="412" rx="128" ry="11" />
    <path class="beam" d="M112 4q4-5 12-4 76 4 152 0 8-1 12 4 1 8-8 8-80 3-160 0-9-1-8-8z" />
    <g class="on-smashed half-left" display="none">
      <use href="#donkey" clip-path="url(#left)" />
      <path class="torn" d={CRACK} clip-path="url(#left)" />
    </g>
    <g class="swing">
      <path class="rope" d="M200 4V160" />
      <path class="rope wound" d="M193 5h14M193 10h14" />
      <g class="on-whole">
        <use href="#donkey" />
      </g>
      <g class="on-moving" display="none">
        <path class="crackglow" d={CRACK} />
        <path class="crack" d={CRACK} />
        <path class="crack thin" d="M212 204l26-10 10 8M186 224l-30 8-10-10M214 246l22 10" />
        <Coin x={198} y={314} turn={16} class="slip" />
      </g>
      <g class="on-refunded" display="none">
        <path class="hole" d="M150 262h72v26h-72z" />
        <path class="flap" d="M150 288l-12 34h72l12-34z" />
      </g>
      <g class="on-smashed half-right" display="none">
        <use href="#donkey" clip-path="url(#right)" />
        <path class="torn" d={CRACK} clip-path="url(#right)" />
      </g>
      <path class="knot" d="M190 156q10-14 20 0q4 10-10 12t-10-12z" />
    </g>
    <g class="on-refunded" display="none">
      <path class="arc" d="M176 330q-8 34-60 40M126 362l-12 9 14 7" />
      <path class="pouch" d="M44 366q-18 46 6 50h44q24-4 6-50l8-14H36z" />
      <path class="string" d="M42 366h60" />
      <Coin x={72} y={391} />
    </g>
    <g class="on-smashed" display="none">
      {CONFETTI.map(([x, y, turn], i) => (
        <rect class={`p${i % ROWS}`} x={x} y={y} width="11" height="6" transform={`rotate(${turn} ${x} ${y})`} />
      ))}
      {PILE.map(([x, y, turn]) => (
        <Coin x={x} y={y} turn={turn} />
      ))}
      {FALLING.map(([x, y, turn], i) => (
        <Coin x={x} y={y} turn={turn} class={`fall f${i}`} />
      ))}
    </g>
    <g class="on-blind" display="none">
      <g class="fog a">
        <ellipse cx="140" cy="210" rx="170" ry="72" />
        <ellipse cx="270" cy="130" rx="160" ry="66" />
      </g>
      <g class="fog b">
        <ellipse cx="240" cy="270" rx="190" ry="78" />
        <ellipse cx="140" cy="340" rx="170" ry="62" />
        <ellipse cx="210" cy="70" rx="150" ry="50" />
      </g>
    </g>
  </svg>
);
