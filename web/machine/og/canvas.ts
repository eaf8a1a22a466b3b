/**
 * A canvas of RGB pixels that fills polygons with smooth edges: the signed area that each edge covers of each pixel is summed
 * up along the row (as font rasterisers do), so that coverage is exact. Pieces that overlap must turn the same way.
 */
import type { Polygon } from "./path.ts";

/** Red, green, blue (0 to 255), and how much of it (0 to 1). */
export type Colour = readonly [red: number, green: number, blue: number, alpha: number];
/** One colour, or one for each place. */
export type Paint = Colour | ((x: number, y: number) => Colour);

export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
  readonly #area: Float32Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height * 3);
    // Two more at the end of a row: what an edge at the right border spills over.
    this.#area = new Float32Array((width + 2) * height);
  }

  /** Paints everything. */
  clear([red, green, blue]: Colour): void {
    for (let at = 0; at < this.pixels.length; at += 3) {
      this.pixels[at] = red;
      this.pixels[at + 1] = green;
      this.pixels[at + 2] = blue;
    }
  }

  /** Takes colour out of everything below `top` and left of `right`, and mixes in another. */
  fade(top: number, right: number, [red, green, blue, share]: Colour): void {
    for (let y = top; y < this.height; y++) {
      for (let at = y * this.width * 3; at < (y * this.width + right) * 3; at += 3) {
        const [r, g, b] = [this.pixels[at]!, this.pixels[at + 1]!, this.pixels[at + 2]!];
        const grey = r * 0.3 + g * 0.59 + b * 0.11;
        const keep = 1 - share;
        this.pixels[at] = (grey * 0.75 + r * 0.25) * keep + red * share;
        this.pixels[at + 1] = (grey * 0.75 + g * 0.25) * keep + green * share;
        this.pixels[at + 2] = (grey * 0.75 + b * 0.25) * keep + blue * share;
      }
    }
  }

  /** Fills a shape; within `mask` only, where one is given. */
  fill(shape: readonly Polygon[], paint: Paint, mask?: Float32Array): void {
    this.#eachCovered(shape, (pixel, x, y, covered) => {
      const [red, green, blue, alpha] = typeof paint === "function" ? paint(x + 0.5, y + 0.5) : paint;
      const share = alpha * covered * (mask === undefined ? 1 : mask[pixel]!);
      const at = pixel * 3;
      this.pixels[at] = this.pixels[at]! + (red - this.pixels[at]!) * share + 0.5;
      this.pixels[at + 1] = this.pixels[at + 1]! + (green - this.pixels[at + 1]!) * share + 0.5;
      this.pixels[at + 2] = this.pixels[at + 2]! + (blue - this.pixels[at + 2]!) * share + 0.5;
    });
  }

  /** How much of each pixel a shape covers. */
  mask(shape: readonly Polygon[]): Float32Array {
    const covering = new Float32Array(this.width * this.height);
    this.#eachCovered(shape, (pixel, _x, _y, covered) => {
      covering[pixel] = covered;
    });
    return covering;
  }

  #eachCovered(shape: readonly Polygon[], use: (pixel: number, x: number, y: number, covered: number) => void): void {
    const stride = this.width + 2;
    let [top, bottom, leftmost, rightmost] = [this.height, 0, this.width, 0];
    for (const polygon of shape) {
      for (const [i, point] of polygon.entries()) {
        this.#edge(point, polygon[(i + 1) % polygon.length]!);
        top = Math.min(top, Math.floor(point[1]));
        bottom = Math.max(bottom, Math.ceil(point[1]));
        leftmost = Math.min(leftmost, Math.floor(point[0]));
        rightmost = Math.max(rightmost, Math.ceil(point[0]));
      }
    }
    for (let y = Math.max(0, top); y < Math.min(this.height, bottom); y++) {
      let sum = 0;
      const row = this.#area.subarray(y * stride, (y + 1) * stride);
      for (let x = Math.max(0, leftmost); x < Math.min(this.width, rightmost + 1); x++) {
        sum += row[x]!;
        const covered = Math.min(1, Math.abs(sum));
        if (covered > 0.002) use(y * this.width + x, x, y, covered);
      }
      row.fill(0);
    }
  }

  /** Adds the area to the right of an edge, row by row. */
  #edge([xa, ya]: readonly [number, number], [xb, yb]: readonly [number, number]): void {
    if (ya === yb) return;
    const direction = ya < yb ? 1 : -1;
    const [x0, y0, x1, y1] = ya < yb ? [xa, ya, xb, yb] : [xb, yb, xa, ya];
    const slope = (x1 - x0) / (y1 - y0);
    const first = Math.max(0, Math.floor(y0));
    let x = x0 + (Math.max(y0, first) - y0) * slope;
    for (let y = first; y < Math.min(this.height, Math.ceil(y1)); y++) {
      const height = Math.min(y + 1, y1) - Math.max(y, y0);
      const next = x + slope * height;
      this.#spread(
        y * (this.width + 2),
        this.#within(Math.min(x, next)),
        this.#within(Math.max(x, next)),
        height * direction,
      );
      x = next;
    }
  }

  #within(x: number): number {
    return Math.min(Math.max(x, 0), this.width);
  }

  /** An edge that goes from `left` to `right` within a row and covers `amount` of its height. */
  #spread(row: number, left: number, right: number, amount: number): void {
    const area = this.#area;
    const from = Math.floor(left);
    const to = Math.ceil(right);
    if (to <= from + 1) {
      const middle = (left + right) / 2 - from;
      area[row + from] = area[row + from]! + amount * (1 - middle);
      area[row + from + 1] = area[row + from + 1]! + amount * middle;
      return;
    }
    // The edge's share of the row up to each pixel's right side, and its middle height within the pixel.
    const perPixel = amount / (right - left);
    let before = 0;
    for (let x = from; x < to; x++) {
      const [a, b] = [Math.max(left, x), Math.min(right, x + 1)];
      const share = (b - a) * perPixel;
      const inside = share * (x + 1 - (a + b) / 2);
      area[row + x] = area[row + x]! + inside + before;
      before = share - inside;
    }
    area[row + to] = area[row + to]! + before;
  }
}
