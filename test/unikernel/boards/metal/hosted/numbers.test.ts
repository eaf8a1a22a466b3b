/** Numbers that the board's C and the guest's TypeScript each write down: read from both, and equal. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../../../infra/image/compile-guest.ts";
import { Failure } from "../../../../../unikernel/guest/failure.ts";
import { Role } from "../../../../../unikernel/guest/role.ts";
import { SealError } from "../../../../../unikernel/guest/seal-error.ts";
import { SettingsError } from "../../../../../unikernel/guest/tcpip/settings-error.ts";
import { State, TraceCode } from "../../../../../unikernel/guest/trace.ts";

const read = (path: string) => readFileSync(join(ROOT, "unikernel", path), "utf8");
const value = (text: string) =>
  text
    .replace(/_|ul\b/g, "")
    .split("*")
    .map(Number)
    .reduce((a, b) => a * b);

/** The names of all `enum { … }` and `#define NAME number` of a C file, by name; without a value it is one more than the one before. */
function cNumbers(file: string): Record<string, number> {
  const text = read(`boards/metal/${file}`);
  const found: Record<string, number> = {};
  for (const [, body] of text.matchAll(/enum(?: \w+)? \{([^}]*)\}/g)) {
    let next = 0;
    for (const word of body!.split(",")) {
      const [, name, number] = /(\w+)(?: = (.+))?/.exec(word)!;
      const sum = number?.split("+").map((part) => value(part.trim().replace(/^.*<<.*$/, "0")));
      const here = sum ? sum.reduce((a, b) => a + b) : next;
      found[name!] = here;
      next = here + 1;
    }
  }
  for (const [, name, number] of text.matchAll(/#define (\w+) \(?([0-9][0-9a-z *]*)\)?/g))
    found[name!] = value(number!.replace(/u$/, ""));
  return found;
}

/** An enum or `const NAME: type = number` of the guest, for files that only AssemblyScript can load. */
function guestEnum(file: string, name: string): Record<string, number> {
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(read(`guest/${file}`))![1]!;
  return Object.fromEntries([...body.matchAll(/^\s*(\w+) = (\d+),/gm)].map(([, key, number]) => [key, Number(number)]));
}
function guestConst(file: string, name: string): number {
  return value(new RegExp(`const ${name}: \\w+ = ([^;]+);`).exec(read(`guest/${file}`))![1]!);
}
const last = (numbers: object) => Math.max(...Object.values(numbers).filter((n) => typeof n === "number"));

describe("numbers of the metal board", () => {
  it("trace codes, states and failures", () => {
    const c = cNumbers("trace.c");
    expect(c).toMatchObject({
      HELLO: TraceCode.Hello,
      STATE: TraceCode.State,
      ALERT_SENT: TraceCode.AlertSent,
      ALERT_RECEIVED: TraceCode.AlertReceived,
      NEGOTIATED: TraceCode.Negotiated,
      CANDY: TraceCode.Candy,
      FAILED: TraceCode.Failed,
      LAST_STATE: last(State),
      LAST_FAILURE: last(Failure),
      FAILURE_INTERNAL: Failure.Internal,
    });
    expect(last(TraceCode)).toBe(c.FAILED);
    expect(cNumbers("vault.c").VAULT_UNAVAILABLE).toBe(Failure.VaultUnavailable);
  });

  it("events, doors and reasons of net", () => {
    const c = cNumbers("net.c");
    const {
      None: NONE,
      Opened: OPENED,
      Refused: REFUSED,
      Readable: READABLE,
      PeerClosed: PEER_CLOSED,
      Ended: ENDED,
    } = guestEnum("tcpip/doors.ts", "DoorEvent");
    expect(c).toMatchObject({ NONE, OPENED, REFUSED, READABLE, PEER_CLOSED, ENDED });
    expect(last(guestEnum("tcpip/doors.ts", "DoorEvent"))).toBe(c.ENDED);
    expect(c.RECORD_LENGTH).toBe(guestConst("tcpip/doors.ts", "RECORD_LENGTH"));
    expect(c.SEED_LENGTH).toBe(guestConst("net.ts", "SEED_LENGTH") + guestConst("net.ts", "SECRET_LENGTH"));
    expect(c.MAC_LENGTH).toBe(guestConst("net.ts", "MAC_LENGTH"));
    expect(c.TOO_LONG).toBe(SettingsError.TooLong);
    expect(guestEnum("tcpip/doors.ts", "Door")).toEqual({ Server: 0, DialBack: 1, Client: 2 });
    expect(read("boards/metal/trace.c")).toContain('doors[] = {"server", "dialback", "client"}');
    expect(read("boards/metal/net.c")).toContain(
      `door_ended(slot, reason == ${guestEnum("tcpip/doors.ts", "End").Timeout})`,
    );
    const { TooManyConnections, TooManyFromPeer, DialFailed } = guestEnum("tcpip/doors.ts", "Refused");
    const reasons = `reason == ${TooManyConnections} ? "too-many-connections" : reason == ${TooManyFromPeer} ? "too-many-from-peer" : "dial-failed"`;
    expect(read("boards/metal/trace.c")).toContain(reasons);
    expect(DialFailed).toBe(3);
  });

  it("a door's status, seed and roles", () => {
    const c = cNumbers("door.c");
    for (const name of ["STATUS_OUTPUT", "STATUS_CLOSE", "STATUS_AUTHENTICATED", "SEED_LENGTH"])
      expect([name, c[name]]).toEqual([name, guestConst("door.ts", name)]);
    expect(c).toMatchObject({ ROLE_SERVER: Role.Server, ROLE_CLIENT: Role.Client });
  });

  it("lengths: seal, ticket, frame, slots", () => {
    const board = cNumbers("board.h");
    expect(board.SEAL_MOST).toBe(guestConst("vault.ts", "INBOX_LENGTH"));
    expect(board.TICKET_LENGTH).toBe(guestConst("vault/tickets.ts", "TICKET_LENGTH"));
    expect(board.FRAME_MOST).toBe(guestConst("tcpip/ethernet.ts", "FRAME_MAX"));
    expect(board.DOORS).toBe(guestConst("tcpip/admission.ts", "SLOTS"));
    expect(read("boards/metal/memory.c")).toContain(`the seal is refused: ${SealError.TooLong}`);
    expect(read("boards/metal/start.c")).toContain(`the command line is refused: ${SettingsError.TooLong}`);
  });
});
