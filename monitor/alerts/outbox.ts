/**
 * Decides what is told. Before each step of the watch it compares what is with what has been told (the open incidents, as
 * they are in the store) and plans alerts; they are written in the same transaction as the step, and only then taken
 * over here. So a crash at any point leaves either both or neither, and the next start plans what is missing.
 */
import { type Incident, type Step, type Store, Superseded } from "../store/store.ts";
import { blindness, ClockWatch, type Condition, Disagreement, type Sight } from "./conditions.ts";
import { type ChainStep, chainDrafts } from "./derive.ts";
import { Fundings } from "./fundings.ts";
import { type Draft, KINDS } from "./kinds.ts";
import { type Words, words } from "./texts.ts";

export interface OutboxOptions {
  store: Pick<Store, "commit" | "alerts">;
  /** As they are in the store. */
  incidents: readonly Incident[];
  /** Between reminders. */
  remindMillis: number;
  disagreeMillis: number;
  /** Milliseconds that only ever count up. */
  monotonic: () => number;
  /** Told when the store fails or works; `told`: an alert said that it fails, so one has to say that it works. */
  emergency: { failed(reason: string, unkept: readonly string[]): void; worked(): void; readonly told: boolean };
  /** Called when there is something to send. */
  wake: () => void;
}

export type Acknowledged = "acknowledged" | "over" | "unknown";

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #incidents: Map<string, Incident>;
  readonly #reported = new Map<string, Condition>();
  readonly #disagreement: Disagreement;
  readonly #clock: ClockWatch;
  readonly #fundings: Fundings;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#incidents = new Map(options.incidents.map((incident) => [incident.topic, incident]));
    this.#disagreement = new Disagreement(options.disagreeMillis);
    this.#clock = new ClockWatch(options.monotonic);
    this.#fundings = new Fundings(options.monotonic);
  }

  /** What something else than the watch has found; told with the next step. */
  report(condition: Condition): void {
    this.#reported.set(condition.topic, condition);
  }

  /** What `by` (its trace, a probe) found of the piñata: what is wrong in words ("has stopped"), null when it is well. */
  pinata(by: string, problem: string | null): void {
    const said = (): Words => (problem === null ? words.pinataWorks() : words.pinataFails(problem));
    this.report({ topic: `pinata ${by}`, kind: "pinata", state: problem === null ? "off" : "on", words: said });
  }

  /** The alerts that a step makes; the caller writes them with it, by {@link write}. */
  plan(step: ChainStep, sight: Sight): Draft[] {
    const { at } = step;
    const drafts = this.#fundings.limit(chainDrafts(step, (topic) => this.#incidents.get(topic)?.id));
    const conditions = [
      blindness(sight),
      this.#disagreement.look(sight),
      this.#clock.look(at),
      this.#fundings.look(),
      ...this.#reported.values(),
    ];
    for (const condition of conditions) {
      const open = this.#incidents.get(condition.topic);
      if (condition.state === "on" && !open) drafts.push(conditionDraft(condition, at));
      if (condition.state === "off" && open) drafts.push({ ...conditionDraft(condition, at), ...ends(open) });
    }
    if (this.#options.emergency.told) drafts.push(happening("store", "recovered", at, words.storeWorks()));
    const ended = new Set(drafts.map(({ incident }) => incident));
    for (const incident of this.#incidents.values()) {
      if (!ended.has(incident.id) && this.#isDue(incident, at)) drafts.push(reminderOf(incident, at));
    }
    return drafts;
  }

  /** Step and alerts in one transaction; throws when the store cannot be written, and then nothing has changed. */
  async write(step: Step, drafts: readonly Draft[]): Promise<void> {
    const { store, emergency, wake } = this.#options;
    let opened: Incident[];
    try {
      ({ opened } = await store.commit({ ...step, alerts: drafts }));
    } catch (error) {
      // Whoever leads now finds the same and tells it.
      if (error instanceof Superseded) throw error;
      const unkept = drafts.filter(({ phase, kind }) => phase === "raised" && KINDS[kind].severity === "critical");
      const reason = error instanceof Error ? error.message : String(error);
      emergency.failed(
        reason,
        unkept.map(({ subject, coin, txid }) => [subject, coin?.outpoint, txid].filter(Boolean).join("; ")),
      );
      throw error;
    }
    emergency.worked();
    this.#fundings.count(drafts);
    for (const draft of drafts) this.#takeOver(draft);
    for (const incident of opened) this.#incidents.set(incident.topic, incident);
    if (drafts.length > 0) wake();
  }

  /** What began and is not over, newest first. */
  open(): Incident[] {
    return [...this.#incidents.values()].sort((a, b) => b.since - a.since);
  }

  /** No more reminders of what alert `id` told. Throws when that cannot be written. */
  async acknowledge(id: string, at: number): Promise<Acknowledged> {
    const { store } = this.#options;
    let incident = this.#byId(id);
    if (!incident) {
      const [alert] = await store.alerts({ id });
      if (!alert) return "unknown";
      incident = alert.body.incident === null ? undefined : this.#byId(alert.body.incident);
    }
    if (!incident) return "over";
    if (incident.acknowledged !== null) return "acknowledged";
    await store.commit({ acknowledged: { topic: incident.topic, at } });
    incident.acknowledged = at;
    return "acknowledged";
  }

  #byId(id: string): Incident | undefined {
    return [...this.#incidents.values()].find((each) => each.id === id);
  }

  #takeOver({ incident: id, phase, at, number }: Draft): void {
    const incident = id === undefined ? undefined : this.#byId(id);
    if (!incident) return;
    if (phase === "reminder") Object.assign(incident, { reminded: at, reminders: number });
    else this.#incidents.delete(incident.topic);
  }

  /** By how far time is from the last one either way: a clock that was set back must not silence reminders. */
  #isDue({ draft, acknowledged, reminded }: Incident, at: number): boolean {
    if (KINDS[draft.kind].reminded === "never" || acknowledged !== null) return false;
    return Math.abs(at - reminded) >= this.#options.remindMillis;
  }
}

/** An alert that is about no coin. */
export function happening(kind: Draft["kind"], phase: Draft["phase"], at: number, said: Words): Draft {
  return { kind, phase, at, coin: null, txid: null, block: null, sources: [], ...said };
}

function conditionDraft({ kind, topic, words: said, except }: Condition, at: number): Draft {
  return { ...happening(kind, "raised", at, said()), topic, ...(except === undefined ? {} : { except }) };
}

function ends({ id }: Incident): Pick<Draft, "phase" | "incident"> {
  return { phase: "recovered", incident: id };
}

function reminderOf({ id, draft, since, reminders }: Incident, at: number): Draft {
  const began = `This began at ${new Date(since).toISOString()} and nobody has acknowledged it.`;
  return { ...draft, phase: "reminder", at, incident: id, number: reminders + 1, facts: [began, ...draft.facts] };
}
