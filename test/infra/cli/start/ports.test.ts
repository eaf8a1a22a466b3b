/** Ports are tried before anything starts, and a complaint names the option that helps. */
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { CommandError } from "../../../../infra/cli/errors.ts";
import { requireFreePorts } from "../../../../infra/cli/start/ports.ts";
import { freePort, freePorts } from "../../../support/ports.ts";

const host = "127.0.0.1";
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function taken(): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as AddressInfo).port)));
}

async function complaint(wanted: Parameters<typeof requireFreePorts>[0]): Promise<string> {
  const error: unknown = await requireFreePorts(wanted).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  return (error as CommandError).message;
}

describe("ports", () => {
  it("that are free are free again afterwards", async () => {
    const port = await freePort();
    await requireFreePorts([{ option: "--web-port", port, host }]);
    await requireFreePorts([{ option: "--web-port", port, host }]);
  });

  it("in use are all named, each with its option", async () => {
    const [a, b] = [await taken(), await taken()];
    expect(
      await complaint([
        { option: "--web-port", port: a, host },
        { option: "--chain-port", port: 0, host },
        { option: "--server-port", port: b, host },
      ]),
    ).toBe(
      `port ${a} is in use: choose another with --web-port; port ${b} is in use: choose another with --server-port`,
    );
  });

  it("in use in number are one short line: another piñata is in the way", async () => {
    const [a, b, c] = [await taken(), await taken(), await taken()];
    expect(
      await complaint([
        { option: "--web-port", port: a, host },
        { option: "--chain-port", port: b, host },
        { option: "--server-port", port: c, host },
      ]),
    ).toBe(
      `ports are in use, perhaps by another piñata: ${a} (--web-port), ${b} (--chain-port), ${c} (--server-port); ` +
        "end what runs there, or choose others with these options",
    );
  });

  it("are one option's on both loopback addresses: busy on one is busy once", async () => {
    const port = await taken();
    expect(
      await complaint([
        { option: "--server-port", port, host },
        { option: "--server-port", port, host: "localhost" },
      ]),
    ).toBe(`port ${port} is in use: choose another with --server-port`);
  });

  it("wanted twice are found", async () => {
    const port = await freePort();
    expect(
      await complaint([
        { option: "--web-port", port, host },
        { option: "--monitor-port", port, host },
      ]),
    ).toBe(`port ${port} is wanted twice: by --web-port and by --monitor-port`);
  });

  it("0 may be wanted as often as one likes", async () => {
    await requireFreePorts([
      { option: "--web-port", port: 0, host },
      { option: "--monitor-port", port: 0, host },
    ]);
  });

  it.each([
    ["192.0.2.1", "192.0.2.1 is not an address of this machine: see --host"],
    ["nowhere.invalid", "no address is known for nowhere.invalid: see --host"],
  ])("of %s are complained about once", async (elsewhere, message) => {
    const [a, b] = (await freePorts(2)) as [number, number];
    expect(
      await complaint([
        { option: "--web-port", port: a, host: elsewhere },
        { option: "--server-port", port: b, host: elsewhere },
      ]),
    ).toBe(message);
  });
});
