/** The guest's stack below TCP, with a transport that the test speaks for (harness/stack.ts), on a link where frames are listed. */
import type { SettingsError } from "../../unikernel/guest/tcpip/settings-error.ts";
import { ipv4Bytes } from "./frames.ts";
import { type Harness, loadHarness } from "./harness.ts";

export const MAC = Uint8Array.from([2, 0, 0, 0, 0, 0x15]);
export const US = { mac: MAC, address: "10.0.2.15" };
export const ROUTER = { mac: Uint8Array.from([2, 0, 0, 0, 0, 2]), address: "10.0.2.2" };
export const NEIGHBOUR = { mac: Uint8Array.from([2, 0, 0, 0, 0, 9]), address: "10.0.2.9" };
export const SEED = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
export const LINE = "ip=10.0.2.15/24 gateway=10.0.2.2";

export class TestStack {
  now = 1_000_000;

  private constructor(readonly harness: Harness) {}

  /** A stack that has not begun. */
  static async load(): Promise<TestStack> {
    return new TestStack(await loadHarness("stack"));
  }

  static async begin(line = LINE): Promise<TestStack> {
    const stack = await TestStack.load();
    const error = stack.start(line);
    if (error !== 0) throw new Error(`settings refused: ${error}`);
    return stack;
  }

  start(line: string): SettingsError {
    const text = Buffer.from(line, "latin1");
    this.harness.write(Buffer.concat([MAC, SEED, text]));
    return this.harness.call.start!(MAC.length + SEED.length + text.length, BigInt(this.now)) as SettingsError;
  }

  /** Hands in a frame; the frames that go out because of it. */
  hear(frame: Uint8Array): Uint8Array[] {
    this.harness.write(frame);
    this.harness.call.receive!(frame.length, BigInt(this.now));
    return this.drain();
  }

  /** What the transport was given last. */
  segment(): Uint8Array {
    return this.harness.read(this.harness.call.receivedLength!());
  }

  /** Lets so much time pass in one step; the frames that go out. */
  wait(millis: number): Uint8Array[] {
    this.now += millis;
    this.harness.call.tick!(BigInt(this.now));
    return this.drain();
  }

  /** The transport has this to send; the frames that go out. */
  send(destination: string, { segments = 1, length = 40 } = {}): Uint8Array[] {
    this.harness.call.send!(segments, length, Buffer.from(ipv4Bytes(destination)).readUInt32BE());
    return this.drain();
  }

  count(what: number): number {
    return this.harness.call.count!(what);
  }

  get(name: "received" | "receivedFrom" | "unreachables" | "unreachableCode" | "unreachableAbout" | "local"): number {
    return this.harness.call[name]!() >>> 0;
  }

  /** Milliseconds until the stack wants to be called; undefined: never. */
  patience(): number | undefined {
    const deadline = this.harness.call.deadline!() as unknown as bigint;
    return deadline === 0n ? undefined : Number(deadline) - this.now;
  }

  private drain(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = this.harness.call.transmit!(BigInt(this.now));
      if (length === 0) return frames;
      frames.push(this.harness.read(length));
    }
  }
}
