/** The frame board by hand, without a kernel: frames in, frames out. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileImage, ROOT } from "../../infra/image/compile-guest.ts";
import { mintPractice } from "../../infra/mint/mint.ts";
import { type GuestModules, loadGuestModules } from "../../unikernel/boards/node/modules.ts";
import { SettingsError } from "../../unikernel/guest/tcpip/settings-error.ts";
import { DEFAULT_MAC, FrameBoard, SettingsRefused } from "./frame-board.ts";
import { cable } from "./frame-wire.ts";
import { arpRequest, echoRequest, ethernet, Protocol, parseArp, parseIpv4 } from "./frames.ts";

const PEER = { mac: Uint8Array.from([2, 0, 0, 0, 0, 9]), address: "10.7.0.9" };
const OURS = { mac: DEFAULT_MAC, address: "10.7.0.2" };

describe("a board over frames", () => {
  const folder = mkdtempSync(join(tmpdir(), "pinata-test-"));
  let modules: GuestModules;
  let seal: Uint8Array;
  beforeAll(async () => {
    await compileImage();
    modules = loadGuestModules(join(ROOT, "build/guest"));
    await mintPractice({ dir: join(folder, "practice"), network: "regtest", refundHeight: 1000, now: new Date() });
    seal = readFileSync(join(folder, "practice/seal"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function hang(commandLine = "ip=10.7.0.2/24") {
    const [near, far] = cable();
    const sent: Uint8Array[] = [];
    far.onFrame((frame) => sent.push(frame));
    const board = new FrameBoard({ modules, seal, wire: near, commandLine });
    return { board, far, sent };
  }

  it("answers ARP and echo, and nothing else is under way", () => {
    const { board, far, sent } = hang();
    sent.length = 0;
    far.send(arpRequest(PEER, OURS.address));
    expect(sent.length).toBe(1);
    expect(parseArp(sent[0]!)).toEqual({
      operation: 2,
      senderMac: OURS.mac,
      sender: OURS.address,
      target: PEER.address,
    });

    const data = Uint8Array.from({ length: 1472 }, (_, i) => i);
    far.send(echoRequest({ from: PEER, to: OURS }, 7, 1, data));
    expect(sent.length).toBe(2);
    const reply = parseIpv4(sent[1]!)!;
    expect({ ...reply, payload: reply.payload[0] }).toEqual({
      ...{ fromMac: OURS.mac, source: OURS.address, destination: PEER.address },
      ...{ protocol: Protocol.Icmp, sound: true, payload: 0 },
    });
    expect(reply.payload.subarray(8)).toEqual(data);
    expect(board.address).toBe(OURS.address);
    expect([0, 1, 2].map((door) => board.port(door))).toEqual([10000, 10001, 10002]);
    board.stop();
  });

  it("has no answer to what is not for it, is cut short, or is larger than a frame", () => {
    const { board, far, sent } = hang();
    far.send(arpRequest(PEER, OURS.address));
    sent.length = 0;
    const echo = echoRequest({ from: PEER, to: OURS }, 7, 1, new Uint8Array(32));
    far.send(echoRequest({ from: PEER, to: { ...OURS, address: "10.7.0.3" } }, 7, 1, new Uint8Array(32)));
    far.send(echoRequest({ from: PEER, to: { ...OURS, mac: PEER.mac } }, 7, 1, new Uint8Array(32)));
    far.send(ethernet(OURS.mac, PEER.mac, 0x86dd, echo.subarray(14)));
    for (let length = 0; length < echo.length; length++) far.send(echo.subarray(0, length));
    far.send(new Uint8Array(10_000));
    expect(sent).toEqual([]);
    far.send(echo);
    expect(sent.length).toBe(1);
    board.stop();
  });

  it("hears and says nothing after it has stopped", () => {
    const { board, far, sent } = hang();
    board.stop();
    sent.length = 0;
    far.send(arpRequest(PEER, OURS.address));
    expect(sent).toEqual([]);
  });

  it("does not start with settings that net refuses", () => {
    expect(() => hang("")).toThrow(SettingsRefused);
    expect(() => hang("ip=10.7.0/24")).toThrow(new SettingsRefused(SettingsError.AddressBad));
  });
});
