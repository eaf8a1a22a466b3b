/**
 * Generated conversations, a few thousand of them, and positive controls: doors and vaults with a bug put in, each of which the same
 * generator finds within as many. Repeatability: a seed and a number are a conversation. Several processes see what one sees.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { type Patch, targetModule } from "../fuzz/targets.ts";
import { build, explain, type IsFailure, MUTATION_KINDS, recipe } from "../support/tls-peer/conversation/generate.ts";
import { type Modules, type Stage, setStage } from "../support/tls-peer/conversation/player.ts";
import { makeWorld, type World } from "../support/tls-peer/conversation/world.ts";
import { firstFailure, imageModules, moduleAt, runBatch } from "./conversations/batch.ts";
import { runParallel } from "./conversations/parallel.ts";
import { gaps, newTally, report } from "./conversations/tally.ts";
import { tally } from "./suite.ts";
import { conversations } from "./suites/conversations.ts";

const SEED = 1;
/** As many as the suite's short form has. */
const MOST = 3000;
/** Some seconds on a machine of its own; more on one that compiles and fuzzes at the same time. */
const PATIENCE = 300_000;

let world: World;
let modules: Modules;
let stage: Stage;
beforeAll(async () => {
  world = await makeWorld();
  modules = await imageModules();
  stage = setStage(world, modules);
});

describe("the image's door and vault", () => {
  it("do in every conversation what the model says", { timeout: PATIENCE }, async () => {
    const { failed, cases } = await tally(conversations, "short");
    expect(failed).toEqual([]);
    expect(cases).toBe(MOST);
  });
});

interface Bug {
  module: "door" | "vault";
  patch: Patch;
  /** What the generator has to say of it. */
  complaint: RegExp;
}

const TLS = "unikernel/guest/tls";
const WRONG_TYPE = "if (message.type != HandshakeType.Finished) return refuse(this, Failure.UnexpectedMessage);";

const BUGS: Record<string, Bug> = {
  "the result of CertificateVerify is ignored": {
    module: "vault",
    patch: {
      name: "bug-verify",
      file: "unikernel/guest/vault.ts",
      replace: [["return proven ? Failure.None : Failure.CertificateVerifyWrong;", "return Failure.None;"]],
    },
    complaint: /CANDY WITHOUT A PROOF/,
  },
  "an impostor's chain is believed": {
    module: "vault",
    patch: {
      name: "bug-chain",
      file: "unikernel/guest/vault.ts",
      replace: [["if (forged != Failure.None) return forged;", "if (forged == Failure.Internal) return forged;"]],
    },
    complaint: /CANDY WITHOUT A PROOF/,
  },
  "Finished is not compared": {
    module: "door",
    patch: {
      name: "bug-finished",
      file: `${TLS}/states/authentication.ts`,
      replace: [["return body.equals(expected) ? Failure.None : Failure.FinishedWrong;", "return Failure.None;"]],
    },
    complaint: /CANDY WITHOUT A PROOF/,
  },
  "a Certificate after the proof is passed over": {
    module: "door",
    patch: {
      name: "bug-order",
      file: `${TLS}/states/server-authentication.ts`,
      replace: [[WRONG_TYPE, `if (message.type == HandshakeType.Certificate) return this;\n    ${WRONG_TYPE}`]],
    },
    complaint: /CANDY WITHOUT A PROOF/,
  },
  "a handshake message in the clear is taken after the keys": {
    module: "door",
    patch: {
      name: "bug-clear",
      file: `${TLS}/record/reader.ts`,
      replace: [
        ["if (isProtected && (this.opened || type == ContentType.Handshake))", "if (isProtected && this.opened)"],
      ],
    },
    complaint: /to be refused with one of unexpectedMessage/,
  },
  "user_canceled traps": {
    module: "door",
    patch: {
      name: "bug-trap",
      file: `${TLS}/engine.ts`,
      replace: [
        [
          "if (description == AlertDescription.UserCanceled) return",
          "assert(description != 90);\n    if (false) return",
        ],
      ],
    },
    complaint: /the door traps/,
  },
};

describe("a bug put in is found", () => {
  it.each(Object.entries(BUGS))("%s", { timeout: PATIENCE }, async (_name, { module, patch, complaint }) => {
    const broken = moduleAt(await targetModule({ module, patches: [patch] }));
    const isFailure: IsFailure = ({ complaints }) => complaints.some((text) => complaint.test(text));
    const brokenStage = setStage(world, { ...modules, [module]: broken });
    const found = firstFailure(brokenStage, { seed: SEED, most: MOST, isFailure });
    expect(found).toBeDefined();
    // Made small: one mutation, or two that need each other.
    expect(found!.mutations.length).toBeLessThanOrEqual(2);
    expect(explain(recipe(SEED, 0), found!)).toMatch(/! .*[\s\S]*the model: [\s\S]* 1\. /);
  });
});

describe("the generator", () => {
  it("makes the same conversation of a seed and a number, and another of the next", () => {
    const steps = (seed: number, number: number) => JSON.stringify(build(recipe(seed, number), world));
    for (let number = 0; number < 50; number++) {
      expect(steps(7, number)).toBe(steps(7, number));
      expect(steps(7, number)).not.toBe(steps(7, number + 1));
      expect(steps(7, number)).not.toBe(steps(8, number));
    }
  });

  it("shares a run between processes, which see together what one sees", async () => {
    const alone = runBatch(stage, { seed: 9, from: 0, to: 300, step: 1 });
    const shared = await runParallel({ seed: 9, count: 300, processes: 2 });
    expect(shared).toEqual(alone);
    expect(report(shared)).toContain("300 conversations, 0 failures");
  });

  it("names what never occurred", () => {
    const nothing = gaps({ ...newTally(), conversations: 1000, verdicts: { accept: 99 } });
    for (const kind of MUTATION_KINDS) expect(nothing).toContain(`no mutation: ${kind}`);
    expect(nothing).toContain("no end in state: server door: complete");
    expect(nothing).toContain("9.90 % accepted, at least 10.00 %");
  });
});
