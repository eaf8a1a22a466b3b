/**
 * Measures functions of the guest natively, in the object code that memcheck checks, and compares the times of two classes of inputs
 * (native/timing.c, statistics.ts). This sees what memcheck cannot: that the processor itself takes as long for the one as for the other.
 */
import { randomBytes } from "node:crypto";
import type { Build } from "./build.ts";
import { CASES, type Case } from "./cases.ts";
import { output } from "./program.ts";
import { type Judgement, judge, type Samples } from "./statistics.ts";

/** One function and its two classes. */
export interface Measurement {
  name: string;
  call: string;
  parameters: [number, number];
  /** The input of class 0, and what that of class 1 is made from. */
  inputs: [Uint8Array, Uint8Array];
  /** Places of class 1's input that are random in each sample, or of which one bit is flipped. */
  random: Place[];
  flipped: Place[];
}
type Place = [start: number, length: number];

export interface Measured extends Judgement {
  name: string;
}

/**
 * Functions whose secrets are one thing or anything. Not ML-KEM's key generation: the public matrix follows from its seed, and is sampled by
 * rejection, so its time follows from what is public. What is secret in it, the noise, is made by encapsulation as well.
 */
const FIXED_AGAINST_RANDOM = [
  ...["X25519 public key", "X25519", "P-256 public key", "P-256 shared secret", "ECDSA P-256 sign, with randomness"],
  ...["Ed25519 sign", "AES-128-GCM seal", "AES-256-GCM seal", "ChaCha20-Poly1305 seal", "key schedule, suite 1302"],
  "ML-KEM-768 encapsulation",
];

const EQUAL_LENGTH = 1024;

export const MEASUREMENTS: Measurement[] = [
  ...FIXED_AGAINST_RANDOM.map((name) => fixedAgainstRandom(caseOf(name))),
  validAgainstRejected(),
  wrongTags("ChaCha20-Poly1305"),
  wrongTags("AES-128-GCM"),
  equals(),
];
/** What the leaky build must be caught by. */
export const LEAKY_MEASUREMENTS = MEASUREMENTS.slice(-2);

/** Measures with so many milliseconds for the first run; up to seven times as many when it must be repeated. */
export async function measure(build: Build, one: Measurement, milliseconds: number): Promise<Measured> {
  const probe = await samplesOf(build, one, PROBE);
  const seconds = probe.cycles.toSorted()[probe.cycles.length >> 1]! / CYCLES_PER_SECOND;
  const samples = Math.min(MOST_SAMPLES, Math.max(FEWEST_SAMPLES, Math.round(milliseconds / 1000 / seconds)));
  return { name: one.name, ...(await judge((scale) => samplesOf(build, one, scale * samples))) };
}

function caseOf(name: string): Case {
  const found = CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no case ${name}`);
  return found;
}

/** The secrets that the case has, against random ones. */
function fixedAgainstRandom(one: Case): Measurement {
  const random: Place[] = [];
  let at = 0;
  for (const { bytes, isSecret } of one.input) {
    if (isSecret && bytes.length > 0) random.push([at, bytes.length]);
    at += bytes.length;
  }
  const input = inputOf(one);
  return {
    name: one.name,
    call: one.call,
    parameters: one.parameters ?? [0, 0],
    inputs: [input, input],
    random,
    flipped: [],
  };
}

/** ML-KEM: a ciphertext that is right, against one with a wrong bit, which is rejected implicitly. */
function validAgainstRejected(): Measurement {
  const one = caseOf("ML-KEM-768 decapsulation");
  const input = inputOf(one);
  return {
    ...{ name: "ML-KEM-768 decapsulation, valid against rejected", call: one.call, parameters: [0, 0] },
    ...{ inputs: [input, input], random: [], flipped: [[2400, 1088]] },
  };
}

/** A tag that is wrong in its first byte, against one with any wrong bit. Both are refused. */
function wrongTags(aead: string): Measurement {
  const one = caseOf(`${aead} open`);
  const right = inputOf(one);
  const start = right.length - 16;
  const first = right.map((byte, i) => (i === start ? byte ^ 1 : byte));
  return {
    ...{ name: `${aead} tag check, first bit wrong against any`, call: one.call, parameters: one.parameters! },
    ...{ inputs: [first, right], random: [], flipped: [[start, 16]] },
  };
}

/** Equal strings, against strings that differ in one bit. */
function equals(): Measurement {
  const both = new Uint8Array(2 * EQUAL_LENGTH).fill(0x5a);
  return {
    ...{ name: "equals, same against different", call: "ctEquals", parameters: [EQUAL_LENGTH, 0] },
    ...{ inputs: [both, both], random: [], flipped: [[EQUAL_LENGTH, EQUAL_LENGTH]] },
  };
}

function inputOf(one: Case): Uint8Array {
  return new Uint8Array(Buffer.concat(one.input.map(({ bytes }) => bytes)));
}

/** Runs the native program, with another sequence of random numbers each time. */
async function samplesOf(build: Build, one: Measurement, count: number): Promise<Samples> {
  const places = (list: Place[]) => [list.length, ...list.flat()];
  const seed = randomBytes(8).readBigUInt64LE().toString();
  const head = [one.call, ...one.parameters, count, seed, ...places(one.random), ...places(one.flipped)].join(" ");
  const [zero, other] = one.inputs.map((input) => Buffer.from(input).toString("hex"));
  const said = await output(build.program, ["time"], `${head}\n${zero}\n${other}\n`);
  // Aligned for the words in it.
  const out = Buffer.from(new Uint8Array(said).buffer);
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length / 4);
  const cycles = new Float64Array(words.length / 2);
  const classes = new Uint8Array(words.length / 2);
  for (let i = 0; i < cycles.length; i++) {
    classes[i] = words[2 * i]!;
    cycles[i] = words[2 * i + 1]!;
  }
  return { classes, cycles };
}

const PROBE = 256;
const FEWEST_SAMPLES = 1024;
const MOST_SAMPLES = 1_000_000;
/** Only for how many samples there is time for. */
const CYCLES_PER_SECOND = 2.5e9;
