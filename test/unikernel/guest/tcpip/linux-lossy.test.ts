/**
 * The shipped net module against the Linux kernel over a bad link: a twentieth of the frames lost each way, others repeated, overtaken or
 * corrupted. Every door still tells its whole story, and nothing of it arrives twice, out of order or changed.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import { CANDY } from "../../../support/candy.ts";
import { credentialsOf, type FramePractice, OURS, startFramePractice, visit } from "../../../support/frame-practice.ts";
import { type Impairment, type LossyCounts, LossyWire } from "../../../support/lossy-wire.ts";
import { hasTool } from "../../../support/run.ts";
import { hasTap } from "../../../support/tap/tap.ts";

const [SERVER, DIALBACK, CLIENT, DIAL_TO] = [10000, 10001, 10002, 40001];
const BAD = { loss: 0.05, duplication: 0.05, reordering: 0.1, corruption: 0.01, delayMillis: 1 };
const VISITORS = 12;

async function hang(impairment: Impairment): Promise<{ piñata: FramePractice; wire: LossyWire }> {
  let wire!: LossyWire;
  const piñata = await startFramePractice({
    settings: `dial=${DIAL_TO} limits=64,64,40000`,
    wire(tap) {
      wire = new LossyWire(tap, impairment);
      return wire;
    },
  });
  onTestFinished(async () => {
    wire.stop();
    await piñata.stop();
  });
  return { piñata, wire };
}

/** Runs the story on a link for each seed, all at the same time: they mostly wait for retransmissions. */
async function withSeeds(
  seeds: number[],
  story: (seed: number, hung: Awaited<ReturnType<typeof hang>>) => Promise<void>,
) {
  const links = await Promise.all(seeds.map((seed) => hang({ seed, ...BAD })));
  await Promise.all(links.map((link, i) => story(seeds[i]!, link)));
}

describe.runIf(hasTap() && hasTool("openssl") && hasTool("socat"))("a link that loses a twentieth", () => {
  it("lets every visitor have the candy, and refuses a stranger properly", () =>
    withSeeds([1, 2, 3], async (seed, { piñata, wire }) => {
      const credentials = credentialsOf(piñata);
      const visits = Array.from({ length: VISITORS }, async () => visit(await piñata.connect(SERVER), credentials));
      const stranger = visit(await piñata.connect(SERVER), { ca: credentials.ca });
      await expect(stranger, `seed ${seed}`).rejects.toMatchObject({
        code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
      });
      for (const candy of await Promise.all(visits)) expect(candy, `seed ${seed}`).toMatch(CANDY);
      await expect.poll(() => piñata.board.open, { timeout: 30_000, message: `seed ${seed}` }).toBe(0);
      const count = (kind: string) => piñata.events.filter((e) => e.event === kind).length;
      expect([count("opened"), count("trap")], `seed ${seed}`).toEqual([VISITORS, 0]);
      // The link was as bad as promised.
      const both = (fault: keyof LossyCounts) => wire.in.counts[fault] + wire.out.counts[fault];
      expect(Math.min(both("lost"), both("duplicated"), both("reordered")), `seed ${seed}`).toBeGreaterThan(0);
    }));

  it("lets the dial-back door call, and the two doors meet", () =>
    withSeeds([4, 5], async (seed, { piñata }) => {
      const { tap, files } = piñata;
      const { outcome } = tap.serve("openssl", [
        ...["s_server", "-accept", `10.7.0.1:${DIAL_TO}`, "-tls1_3", "-naccept", "1", "-CAfile", files.ca],
        ...["-Verify", "2", "-verify_return_error", "-cert", files.player, "-key", files.playerKey],
      ]);
      await tap.listening(DIAL_TO);
      const relayed = tap.run("socat", [`TCP:${OURS}:${SERVER}`, `TCP:${OURS}:${CLIENT}`]);
      const trigger = await piñata.connect(DIALBACK);
      trigger.resume().end();
      expect((await outcome).stdout, `seed ${seed}`).toMatch(CANDY);
      expect((await relayed).code, `seed ${seed}`).toBe(0);
      const won = (door: string) =>
        piñata.until((e) => e.event === "certificate" && e.verdict === 0 && e.door === door);
      await Promise.all(["server", "client", "dialback"].map(won));
    }));
});
