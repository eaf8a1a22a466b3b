/**
 * A stand-in for QEMU: a folder for the front of the PATH whose `qemu-system-x86_64` runs what the "image" holds after its ELF
 * magic, as JavaScript. So each test writes what its machine does, and whether image and seal arrive is tested on the way.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { QEMU } from "../../../infra/machine/qemu.ts";

const PROGRAM = `#!${process.execPath}
const fs = require("node:fs");
const args = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const say = (value) => fs.writeSync(1, (typeof value === "string" ? value : JSON.stringify(value)) + "\\n");
const words = Object.fromEntries(option("-append").split(" ").map((word) => word.split("=")));
const image = fs.readFileSync(option("-kernel"), "latin1");
const seal = fs.readFileSync(option("-initrd"));
const ports = option("-netdev").match(/(?<=hostfwd=tcp:)[\\d.]+:\\d+(?=-)/g) ?? [];
const [server, dialback, client] = words.ports.split(",").map(Number);
const event = (id, more) => say({ v: 1, time: 1, boot: id.repeat(16), ...more });
const boot = (id = "a") => event(id, { event: "boot", board: "metal", image: words.image, doors: { server, dialback, client } });
const stay = () => setInterval(() => {}, 1e6);
new Function("require", "args", "option", "say", "words", "seal", "ports", "event", "boot", "stay", image.slice(4))(
  require, args, option, say, words, seal, ports, event, boot, stay,
);
`;

export interface FakeQemu {
  folder: string;
  /** Front of this PATH. */
  path: string;
  /** A folder that the machine may write to, whoever it runs as. */
  shared: string;
  /** An image that does what `code` says. */
  image(code: string): Buffer;
  remove(): void;
}

export function fakeQemu(): FakeQemu {
  const folder = mkdtempSync(join(tmpdir(), "pinata-qemu-"));
  // It is run by the user nobody when the tests run as root.
  chmodSync(folder, 0o755);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, QEMU), PROGRAM, { mode: 0o755 });
  const shared = join(folder, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  return {
    folder,
    path: `${bin}${delimiter}${process.env.PATH}`,
    shared,
    image: (code) => Buffer.from(`\x7fELF${code}`, "latin1"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
