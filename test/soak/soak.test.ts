/** The soak test in small: 200 connections in a row leave nothing behind. `npm run soak` does 10,000. */
import { expect, it } from "vitest";
import { hasTap } from "../support/tap/tap.ts";
import { soak } from "./soak.ts";

it.runIf(hasTap())("200 full handshakes in a row over TAP", async () => {
  const figures = await soak({ connections: 200, together: 1, settleSeconds: 30 });
  expect(figures).toMatchObject({ served: 200, failures: {}, traps: 0, open: 0, servedAfterwards: 64 });
  expect(figures.memory[1]).toBe(figures.memory[0]);
  expect(figures.settledAfter).toBeDefined();
});
