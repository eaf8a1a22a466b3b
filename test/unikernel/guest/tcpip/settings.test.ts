/** guest/tcpip/settings: what a command line may say, and each mistake. */
import { beforeEach, describe, expect, it } from "vitest";
import { SettingsError as E } from "../../../../unikernel/guest/tcpip/settings-error.ts";
import { TestStack } from "../../../support/stack.ts";

const NAMES = [
  ...["address", "prefix", "gateway", "dhcp", "serverPort", "dialbackPort", "clientPort", "dialToPort"],
  ...["connections", "fromPeer", "handshakeMillis"],
];
const DEFAULTS = {
  ...{
    address: 0x0a00020f,
    prefix: 24,
    gateway: 0,
    dhcp: 0,
    serverPort: 10000,
    dialbackPort: 10001,
    clientPort: 10002,
  },
  ...{ dialToPort: 40001, connections: 64, fromPeer: 16, handshakeMillis: 10000 },
};

let stack: TestStack;
beforeEach(async () => {
  stack = await TestStack.load();
});
const settings = () => Object.fromEntries(NAMES.map((name, i) => [name, stack.harness.call.setting!(i) >>> 0]));

describe("a command line", () => {
  it.each([
    ["ip=10.0.2.15/24", {}],
    ["  console=ttyS0 ip=10.0.2.15/24   panic=1 ", {}],
    ["ip=10.0.2.15/24 gateway=10.0.2.2", { gateway: 0x0a000202 }],
    ["gateway=10.0.2.2 ip=10.0.2.15/24", { gateway: 0x0a000202 }],
    ["ip=192.0.2.1/30", { address: 0xc0000201, prefix: 30 }],
    ["ip=10.255.255.254/8", { address: 0x0afffffe, prefix: 8 }],
    ["ip=dhcp", { address: 0, prefix: 0, dhcp: 1 }],
    ["ip=10.0.2.15/24 ports=1,65535,443", { serverPort: 1, dialbackPort: 65535, clientPort: 443 }],
    ["ip=10.0.2.15/24 dial=1", { dialToPort: 1 }],
    ["ip=10.0.2.15/24 limits=1,64,3600000", { connections: 1, fromPeer: 64, handshakeMillis: 3_600_000 }],
    ["ip=10.0.2.15/24 image=00ff ports=", undefined],
  ])("%j", (line, expected) => {
    const error = stack.start(line);
    if (expected === undefined) expect(error).toBe(E.PortsBad);
    else {
      expect(error).toBe(E.None);
      expect(settings()).toEqual({ ...DEFAULTS, ...expected });
    }
  });

  it("may be 1,024 characters long, and not longer", async () => {
    expect(stack.start(`ip=10.0.2.15/24${" ".repeat(1009)}`)).toBe(E.None);
    expect((await TestStack.load()).start(`ip=10.0.2.15/24${" ".repeat(1010)}`)).toBe(E.TooLong);
  });
});

describe("is refused", () => {
  const ip = "ip=10.0.2.15/24";
  it.each([
    ["", E.AddressMissing],
    ["gateway=10.0.2.2", E.AddressMissing],
    ["IP=10.0.2.15/24", E.AddressMissing],
    ["ip=", E.AddressBad],
    ["ip=DHCP", E.AddressBad],
    ["ip=dhcp4", E.AddressBad],
    ["ip=10.0.2.15", E.AddressBad],
    ["ip=10.0.2.15/", E.AddressBad],
    ["ip=10.0.2.15/7", E.AddressBad],
    ["ip=10.0.2.15/31", E.AddressBad],
    ["ip=10.0.2.15/024", E.AddressBad],
    ["ip=10.0.2.15/24x", E.AddressBad],
    ["ip=10.0.2/24", E.AddressBad],
    ["ip=10.0.2.256/24", E.AddressBad],
    ["ip=10.0.2.015/24", E.AddressBad],
    ["ip=10.0.2.4294967311/24", E.AddressBad],
    ["ip=10..2.15/24", E.AddressBad],
    ["ip=10.0.2.15.1/24", E.AddressBad],
    ["ip=-10.0.2.15/24", E.AddressBad],
    ["ip=10.0.2.0/24", E.AddressBad],
    ["ip=10.0.2.255/24", E.AddressBad],
    ["ip=127.0.0.1/8", E.AddressBad],
    ["ip=0.0.0.0/8", E.AddressBad],
    ["ip=224.0.0.1/24", E.AddressBad],
    [`${ip} gateway=`, E.GatewayBad],
    [`${ip} gateway=10.0.3.2`, E.GatewayBad],
    [`${ip} gateway=10.0.2.15`, E.GatewayBad],
    [`${ip} gateway=10.0.2.0`, E.GatewayBad],
    [`${ip} gateway=10.0.2.255`, E.GatewayBad],
    [`${ip} gateway=0.0.0.0`, E.GatewayBad],
    [`${ip} gateway=router`, E.GatewayBad],
    ["ip=dhcp gateway=10.0.2.2", E.GatewayBad],
    [`${ip} ports=10000,10001`, E.PortsBad],
    [`${ip} ports=10000,10001,10002,10003`, E.PortsBad],
    [`${ip} ports=0,10001,10002`, E.PortsBad],
    [`${ip} ports=10000,10001,65536`, E.PortsBad],
    [`${ip} ports=10000,10000,10002`, E.PortsBad],
    [`${ip} ports=10000,10001,10000`, E.PortsBad],
    [`${ip} ports=1,2,2`, E.PortsBad],
    [`${ip} ports=1;2;3`, E.PortsBad],
    [`${ip} dial=`, E.DialBad],
    [`${ip} dial=0`, E.DialBad],
    [`${ip} dial=65536`, E.DialBad],
    [`${ip} dial=99999999999999999999`, E.DialBad],
    [`${ip} limits=0,1,1`, E.LimitsBad],
    [`${ip} limits=65,1,1`, E.LimitsBad],
    [`${ip} limits=64,0,1`, E.LimitsBad],
    [`${ip} limits=64,65,1`, E.LimitsBad],
    [`${ip} limits=64,64,0`, E.LimitsBad],
    [`${ip} limits=64,64,3600001`, E.LimitsBad],
    [`${ip} limits=64,64`, E.LimitsBad],
    [`${ip} ${ip}`, E.Repeated],
    ["ip=dhcp ip=dhcp", E.Repeated],
    [`${ip} dial=1 dial=1`, E.Repeated],
  ])("%j", (line, expected) => {
    expect(stack.start(line)).toBe(expected);
  });
});
