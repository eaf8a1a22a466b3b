/** The TAP bridge and the frame maker against the Linux kernel, without any stack of ours. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { arpRequest, echoRequest, type Ipv4Packet, Protocol, parseArp, parseIpv4 } from "../frames.ts";
import { hasTap, Tap } from "./tap.ts";

const OURS = { mac: Uint8Array.from([2, 0, 0, 0, 0, 1]), address: "10.7.0.9" };

describe.runIf(hasTap())("a TAP device in a namespace", () => {
  let tap: Tap;
  beforeAll(async () => {
    tap = await Tap.open();
  });
  afterAll(() => tap?.stop());

  /** The first frame that `parse` makes something of. */
  const first = <T>(parse: (frame: Uint8Array) => T | undefined) =>
    new Promise<T>((resolve) =>
      tap.onFrame((frame) => {
        const parsed = parse(frame);
        if (parsed !== undefined) resolve(parsed);
      }),
    );

  it("carries frames both ways: the kernel answers ARP and echo", async () => {
    const arp = first((frame) => (parseArp(frame)?.operation === 2 ? parseArp(frame) : undefined));
    tap.send(arpRequest(OURS, "10.7.0.1"));
    const kernel = { mac: (await arp).senderMac, address: "10.7.0.1" };

    const data = Uint8Array.from({ length: 1472 }, (_, i) => i);
    const reply = first<Ipv4Packet>((frame) => {
      const packet = parseIpv4(frame);
      return packet?.protocol === Protocol.Icmp ? packet : undefined;
    });
    tap.send(echoRequest({ from: OURS, to: kernel }, 7, 1, data));
    const { sound, source, payload } = await reply;
    expect({ sound, source, type: payload[0] }).toEqual({ sound: true, source: "10.7.0.1", type: 0 });
    expect(Uint8Array.from(payload.subarray(8))).toEqual(data);
  });

  it("connects from inside, and says why it cannot", async () => {
    await expect(tap.connect("127.0.0.1", 9)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const server = tap.serve("socat", ["TCP-LISTEN:7000,bind=127.0.0.1", "SYSTEM:echo first; cat"]);
    await tap.listening(7000);
    const socket = await tap.connect("127.0.0.1", 7000);
    // What the server says before the socket is handed over is not lost.
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.end("second");
    await new Promise((resolve) => socket.once("close", resolve));
    expect(text).toBe("first\nsecond");
    expect((await server.outcome).code).toBe(0);
  });

  it("leaves nothing behind", async () => {
    const other = await Tap.open();
    const names = () => spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout;
    expect(names()).toContain(other.name);
    await other.stop();
    expect(names().split(/\s/)).not.toContain(other.name);
  });
});
