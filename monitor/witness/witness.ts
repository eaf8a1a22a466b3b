/**
 * The witness: signs what the monitor publishes when it starts, each hour, and when the verdict becomes another, and keeps
 * it. One chain for each store: a number after the latest that is kept, whichever monitor's key signed that. Nothing is
 * made up for the time in which it did not run; what cannot be written is not said, and tried again.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Status } from "../schema.ts";
import type { Statement as Kept, Store } from "../store/store.ts";
import { canonical, readPlainJson } from "./canonical-json.ts";
import type { WitnessKey } from "./key.ts";
import { checkSignature, type Statement, signedStatement, signStatement, statementHash } from "./statement.ts";

export interface WitnessOptions {
  key: WitnessKey;
  store: Pick<Store, "commit" | "statements">;
  /** The latest statement that is kept. */
  latest: Kept | null;
  clock: Clock;
  log: Log;
  /** What is published now. */
  status: () => Status;
  /** The latest proof that the key is inside. */
  candy?: () => Statement["candy"];
}

const HOUR = 3_600_000;
const AFTER_ERROR = 60_000;
/** Changes of the verdict signed within an hour: a source that comes and goes each second must not fill the store. */
export const CHANGES_AN_HOUR = 120;
const MAX_NAME = 200;

export class Witness {
  readonly #options: WitnessOptions;
  #work: Promise<void> = Promise.resolve();
  #latest: Kept | null;
  /** The verdict as last signed; undefined before the first statement of this process. */
  #said: Status["verdict"] | undefined;
  /** When changes of the verdict were signed within the last hour. */
  #changes: number[] = [];
  #cancel = () => {};
  #stopped = false;

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#latest = options.latest;
  }

  /** The key that signs, and the number of the latest statement; null before the first. */
  about(): { key: string; latest: number | null } {
    return { key: this.#options.key.publicKey, latest: this.#latest?.number ?? null };
  }

  start(): void {
    this.#enqueue("start");
  }

  /** Resolves when the statement in progress is written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#work;
  }

  /** Something may have changed. */
  touch(): void {
    if (this.#stopped || this.#said === undefined || this.#options.status().verdict === this.#said) return;
    this.#enqueue("verdict");
  }

  #enqueue(reason: Statement["reason"]): void {
    this.#work = this.#work.then(() => this.#say(reason));
  }

  async #say(reason: Statement["reason"]): Promise<void> {
    if (this.#stopped) return;
    const { clock, log } = this.#options;
    if (reason === "verdict" && !this.#mayTellChange()) return;
    let pause = HOUR;
    let next: Statement["reason"] = "hour";
    try {
      await this.#sign(reason);
      log.recovered("witness", "the witness signs statements again");
    } catch (error) {
      log.problem("witness", `no statement was signed: ${error instanceof Error ? error.message : error}`);
      pause = AFTER_ERROR;
      next = reason;
    }
    this.#cancel();
    if (!this.#stopped) this.#cancel = clock.after(pause, () => this.#enqueue(next));
  }

  /** Several steps may have called while one statement was written: the first of them told all. */
  #mayTellChange(): boolean {
    const { clock, status, log } = this.#options;
    if (status().verdict === this.#said) return false;
    const now = clock.now();
    this.#changes = this.#changes.filter((at) => at <= now && now - at < HOUR);
    if (this.#changes.length < CHANGES_AN_HOUR) return true;
    log.problem("witness-changes", "the verdict changes too often: only the hourly statement tells it now");
    return false;
  }

  async #sign(reason: Statement["reason"]): Promise<void> {
    const { store, key, status: look, candy, log } = this.#options;
    const before = await this.#before();
    const status = look();
    const signed = signStatement(
      {
        ...sayable(status),
        candy: candy?.() ?? null,
        reason,
        number: before ? before.number + 1 : 1,
        previous: before ? statementHash(before) : null,
      },
      key,
    );
    const { number, time } = signed.statement;
    const kept = { number, at: time, body: canonical(signed) };
    await store.commit({ statement: kept });
    this.#latest = kept;
    if (before && before.key !== key.publicKey) {
      log.info(`statement ${number} is signed by key ${key.publicKey}, the one before by ${before.key}`);
    }
    if (reason === "verdict") this.#changes.push(time);
    this.#said = status.verdict;
  }

  /** The statement to go on after. What is kept is checked again: on a damaged one nothing can be built. */
  async #before(): Promise<Statement | undefined> {
    // One whose write was answered by an error may be there all the same.
    const [later] = await this.#options.store.statements((this.#latest?.number ?? 0) + 1, 1);
    this.#latest = later ?? this.#latest;
    if (!this.#latest) return undefined;
    const { number, body } = this.#latest;
    try {
      const signed = signedStatement.parse(readPlainJson(body));
      checkSignature(signed);
      if (signed.statement.number === number) return signed.statement;
    } catch {
      // Told below.
    }
    throw new Error(`statement ${number} in the store is damaged; remove it there to go on after the one before`);
  }
}

/** The part of the status that is a fact at one time, without sentences. */
function sayable(status: Status): Omit<Statement, "key" | "number" | "reason" | "previous" | "candy"> {
  const { network, address, descriptor, verdict, since, checked, tip, pinata, attempts, now } = status;
  return {
    type: "pinata-statement",
    version: 1,
    time: now,
    network,
    address,
    descriptor,
    verdict,
    since,
    checked,
    tip: tip && { height: tip.height, hash: tip.hash },
    coins: status.coins.map(({ outpoint, value, state, spend }) => ({
      outpoint,
      value,
      state,
      spend: spend ? { txid: spend.txid, kind: spend.kind, block: spend.block ?? null } : null,
    })),
    sources: status.sources.map((source) => ({
      name: source.name.slice(0, MAX_NAME),
      kind: source.kind,
      healthy: source.healthy,
      tip: source.tip && { height: source.tip.height, hash: source.tip.hash },
    })),
    pinata: pinata && { image: pinata.image, boot: pinata.boot, running: pinata.running },
    attempts: { total: attempts.total, opened: attempts.opened },
  };
}
