/**
 * Shapes as polygons: the path commands of SVG that the picture uses (M L H V Q T C S Z, both cases), curves cut into short lines,
 * strokes with round ends and joins, and affine transforms.
 */
export type Point = readonly [x: number, y: number];
export type Polygon = readonly Point[];
/** `[a b c d e f]` as SVG writes them: x' = ax + cy + e, y' = bx + dy + f. */
export type Matrix = readonly [number, number, number, number, number, number];

const STEPS = 10;

interface Line {
  points: Point[];
  end: "open" | "closed";
}

/** The lines of a path. Throws for a command that is not known: the paths are our own. */
export function lines(path: string): Line[] {
  const tokens = path.match(/[a-zA-Z]|-?(?:\d+\.?\d*|\.\d+)/g) ?? [];
  const found: Line[] = [];
  let at = 0;
  let [x, y, control]: [number, number, Point | undefined] = [0, 0, undefined];
  let command = "";
  const number = () => Number(tokens[at++]);
  const more = () => at < tokens.length && /[\d.]/.test(tokens[at]!);
  while (at < tokens.length) {
    if (!more()) command = tokens[at++]!;
    const upper = command.toUpperCase();
    const [dx, dy] = command === upper ? [0, 0] : [x, y];
    const point = (): Point => [number() + dx, number() + dy];
    let line = found.at(-1);
    if (upper === "M") {
      [x, y] = point();
      found.push({ points: [[x, y]], end: "open" });
      command = command === "M" ? "L" : "l";
      continue;
    }
    if (line === undefined) throw new SyntaxError(`a path that begins with ${command}: ${path}`);
    if (line.end === "closed") {
      line = { points: [[x, y]], end: "open" };
      found.push(line);
    }
    const from: Point = [x, y];
    const mirrored: Point = control === undefined ? from : [2 * x - control[0], 2 * y - control[1]];
    control = undefined;
    if (upper === "Z") {
      line.end = "closed";
      [x, y] = line.points[0]!;
    } else if (upper === "L") [x, y] = point();
    else if (upper === "H") x = number() + dx;
    else if (upper === "V") y = number() + dy;
    else if (upper === "Q" || upper === "T") {
      control = upper === "Q" ? point() : mirrored;
      [x, y] = point();
      line.points.push(...curve([from, control, [x, y]]));
    } else if (upper === "C" || upper === "S") {
      const first = upper === "C" ? point() : mirrored;
      control = point();
      [x, y] = point();
      line.points.push(...curve([from, first, control, [x, y]]));
    } else throw new SyntaxError(`an unknown path command ${command}`);
    if (upper !== "Z") line.points.push([x, y]);
  }
  return found;
}

/** What a path encloses. */
export function area(path: string): Polygon[] {
  return lines(path).map(({ points }) => points);
}

/** What a pen of this width leaves along a path: pieces that overlap, all turning the same way. */
export function stroke(path: string, width: number): Polygon[] {
  const radius = width / 2;
  return lines(path).flatMap(({ points, end }) => {
    const all = end === "closed" ? [...points, points[0]!] : points;
    const pieces: Polygon[] = all.map((point) => disc(point, radius));
    for (const [i, [x1, y1]] of all.entries()) {
      const next = all[i + 1];
      if (next === undefined) break;
      const [x2, y2] = next;
      const length = Math.hypot(x2 - x1, y2 - y1);
      if (length === 0) continue;
      const [nx, ny] = [((y2 - y1) / length) * radius, ((x1 - x2) / length) * radius];
      pieces.push([
        [x1 + nx, y1 + ny],
        [x2 + nx, y2 + ny],
        [x2 - nx, y2 - ny],
        [x1 - nx, y1 - ny],
      ]);
    }
    return pieces;
  });
}

export function disc([x, y]: Point, radius: number, flat = 1): Polygon {
  const corners = Math.max(12, Math.min(96, Math.ceil(radius * 4)));
  return Array.from({ length: corners }, (_, i) => {
    const angle = (2 * Math.PI * i) / corners;
    return [x + radius * Math.cos(angle), y + radius * flat * Math.sin(angle)] as const;
  });
}

export function transformed(shape: readonly Polygon[], matrix: Matrix): Polygon[] {
  return shape.map((polygon) => polygon.map((point) => apply(matrix, point)));
}

export function apply([a, b, c, d, e, f]: Matrix, [x, y]: Point): Point {
  return [a * x + c * y + e, b * x + d * y + f];
}

/** `outer` after `inner`. */
export function compose(outer: Matrix, inner: Matrix): Matrix {
  const [a, b, c, d] = outer;
  const [e, f] = apply(outer, [inner[4], inner[5]]);
  return [
    a * inner[0] + c * inner[1],
    b * inner[0] + d * inner[1],
    a * inner[2] + c * inner[3],
    b * inner[2] + d * inner[3],
    e,
    f,
  ];
}

/** Turns by degrees around a point, then moves. */
export function turn(degrees: number, [x, y]: Point, [dx, dy]: Point = [0, 0]): Matrix {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [cos, sin, -sin, cos, x - cos * x + sin * y + dx, y - sin * x - cos * y + dy];
}

export function inverse([a, b, c, d, e, f]: Matrix): Matrix {
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

/** Points on a Bézier curve (De Casteljau) between its ends, which are left out. */
function curve(points: readonly Point[]): Point[] {
  return Array.from({ length: STEPS - 1 }, (_, i) => {
    const t = (i + 1) / STEPS;
    let rest = points;
    while (rest.length > 1) {
      rest = rest.slice(1).map(([x, y], j) => [rest[j]![0] * (1 - t) + x * t, rest[j]![1] * (1 - t) + y * t] as const);
    }
    return rest[0]!;
  });
}
