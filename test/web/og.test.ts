import { crc32, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createApp } from "../../web/app.tsx";
import { Canvas } from "../../web/machine/og/canvas.ts";
import { area, disc, lines, stroke } from "../../web/machine/og/path.ts";
import { encodePng } from "../../web/machine/og/png.ts";
import { UNKNOWN_SITE } from "../../web/machine/site.ts";
import { HandClock } from "./support/hand-clock.ts";
import { feedWith, INFO, NOW } from "./support/samples.ts";

interface Picture {
  width: number;
  height: number;
  at(x: number, y: number): [number, number, number];
  colours: Set<string>;
}

/** Reads an indexed PNG without filters; throws for anything that is not as ISO/IEC 15948 asks. */
function readPng(bytes: Uint8Array): Picture {
  const png = Buffer.from(bytes);
  expect(png.subarray(0, 8).toString("hex")).toBe("89504e470d0a1a0a");
  const chunks: Record<string, Buffer> = {};
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 4, at + 8 + length);
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks[body.subarray(0, 4).toString("latin1")] = body.subarray(4);
    at += length + 12;
  }
  expect(Object.keys(chunks)).toEqual(["IHDR", "PLTE", "IDAT", "IEND"]);
  const { IHDR, PLTE, IDAT } = chunks as Record<"IHDR" | "PLTE" | "IDAT", Buffer>;
  expect([...IHDR.subarray(8)]).toEqual([8, 3, 0, 0, 0]);
  const [width, height] = [IHDR.readUInt32BE(0), IHDR.readUInt32BE(4)];
  const rows = inflateSync(IDAT);
  expect(rows.length).toBe(height * (width + 1));
  const at = (x: number, y: number): [number, number, number] => {
    expect(rows[y * (width + 1)]).toBe(0);
    const index = rows[y * (width + 1) + 1 + x]! * 3;
    return [PLTE[index]!, PLTE[index + 1]!, PLTE[index + 2]!];
  };
  return { width, height, at, colours: new Set(PLTE.toString("hex").match(/.{6}/g)) };
}

describe("og.png", () => {
  it("is a picture of 1200 × 630 in less than 60 KB that looks like its state", async () => {
    const feed = feedWith("sealed", 0);
    const app = createApp({ feed, info: INFO, clock: new HandClock(NOW) });
    const draw = async () => {
      const response = await app.request("/og.png");
      expect(response.headers.get("content-type")).toBe("image/png");
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect(bytes.length).toBeLessThan(60_000);
      return { bytes, etag: response.headers.get("etag"), picture: readPng(bytes) };
    };
    const sealed = await draw();
    expect([sealed.picture.width, sealed.picture.height]).toEqual([1200, 630]);
    // The sky, the seal on the belly, the word.
    expect(sealed.picture.at(1190, 620)).toEqual([0xff, 0xf9, 0xf0]);
    expect(sealed.picture.at(270, 334)).toEqual([0xd2, 0x20, 0x3f]);
    expect(sealed.picture.colours).toContain("08736b");

    feed.show("sealed", { attempts: { ...feed.state.status!.attempts, total: 99_999 }, now: NOW + 60_000 });
    expect((await draw()).etag).toBe(sealed.etag);

    feed.set({ fresh: false });
    const blind = await draw();
    expect(blind.picture.at(1190, 620)).toEqual([0xe4, 0xe0, 0xdc]);
    expect(blind.picture.colours).not.toContain("08736b");

    feed.show("smashed");
    const smashed = await draw();
    expect(smashed.picture.at(1195, 625)).toEqual([0x24, 0x11, 0x2e]);
    expect(smashed.picture.colours).toContain("ffc832");
  });

  it("is named in the page's head with an address that changes with it, when the page's own is known", async () => {
    const feed = feedWith("sealed", 0);
    const site = { ...UNKNOWN_SITE, publicUrl: "https://example.org/pinata" };
    const clock = new HandClock(NOW);
    const image = async () => {
      const page = await (await createApp({ feed, info: INFO, clock, site }).request("/")).text();
      return /<meta property="og:image" content="([^"]*)"/.exec(page)?.[1];
    };
    const sealed = await image();
    expect(sealed).toMatch(/^https:\/\/example\.org\/pinata\/og\.png\?v=sealed-/);
    feed.show("smashed");
    expect(await image()).not.toBe(sealed);
    expect(await (await createApp({ feed, info: INFO, clock }).request("/")).text()).not.toContain("og:image");
  });
});

describe("favicon.ico", () => {
  it("holds one PNG where its entry says", async () => {
    const app = createApp({ feed: feedWith("sealed", 0), info: INFO, clock: new HandClock(NOW) });
    const bytes = Buffer.from(await (await app.request("/favicon.ico")).arrayBuffer());
    expect([bytes.readUInt16LE(0), bytes.readUInt16LE(2), bytes.readUInt16LE(4)]).toEqual([0, 1, 1]);
    const [length, begin] = [bytes.readUInt32LE(14), bytes.readUInt32LE(18)];
    expect(begin + length).toBe(bytes.length);
    expect(readPng(bytes.subarray(begin)).width).toBe(32);
  });
});

describe("the canvas", () => {
  const covered = (shape: Parameters<Canvas["mask"]>[0]) => {
    const mask = new Canvas(40, 40).mask(shape);
    return mask.reduce((sum, share) => sum + share, 0);
  };

  it("covers exactly the area of a shape, at any place between the pixels", () => {
    for (const shift of [0, 0.25, 0.5, 0.9]) {
      const x = 10 + shift;
      expect(covered(area(`M${x} ${x}h12v7.5h-12z`))).toBeCloseTo(90, 1);
      expect(covered(area(`M${x} ${x}l12 3-5 9z`))).toBeCloseTo(61.5, 1);
    }
    expect(covered([disc([20, 20], 10)])).toBeCloseTo(Math.PI * 100, -1);
  });

  it("covers a place once where pieces overlap, and keeps within its borders", () => {
    expect(covered(stroke("M10 20H30", 4))).toBeCloseTo(80 + Math.PI * 4, -1);
    expect(covered(area("M-20 -20H80V80H-20Z"))).toBeCloseTo(1_600, 3);
    expect(covered(area("M-20 10H-5V20H-20Z"))).toBe(0);
  });
});

describe("a path", () => {
  it("is read with every command, capital or not", () => {
    const [line] = lines("M10 10h5v5H10V10");
    expect(line!.points).toEqual([
      [10, 10],
      [15, 10],
      [15, 15],
      [10, 15],
      [10, 10],
    ]);
    const last = (path: string) => lines(path).at(-1)!.points.at(-1);
    expect(last("m1 1 2 2q1 1 2 0t2 0c1 1 1 1 2 0s1 1 2 0")).toEqual([11, 3]);
    expect(last("M1 1L5 5ZL2 2")).toEqual([2, 2]);
    expect(last("M.5-.5")).toEqual([0.5, -0.5]);
    expect(() => lines("M0 0A1 1 0 0 0 2 2")).toThrow("unknown path command A");
    expect(() => lines("L1 1")).toThrow("begins with L");
  });
});

describe("the encoder", () => {
  it("keeps up to 256 colours as they are, and takes the nearest beyond", async () => {
    const row = Array.from({ length: 300 }, (_, x) => (x < 256 ? [x, 0, 0] : [x - 256, 0, 9]));
    const pixels = Uint8Array.from([...row, ...row].flat());
    const { at, colours } = readPng(await encodePng(300, 2, pixels));
    expect(colours.size).toBe(256);
    expect(at(200, 1)).toEqual([200, 0, 0]);
    expect(at(299, 1)).toEqual([43, 0, 0]);
    await expect(encodePng(2, 2, pixels)).rejects.toThrow("not 2 × 2 pixels");
  });
});
