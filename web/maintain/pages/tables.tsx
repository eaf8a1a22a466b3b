/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/** Whom the monitor asks (sources), whom it tells (channels, heartbeat) and whom it hears (traces), each as a table. */
import type { Child, FC } from "hono/jsx";
import type { Overview, PinataList } from "../../../monitor/schema.ts";
import { useVisit } from "../../pages/visit.ts";
import { iso } from "../../text.ts";
import { Moment, Stranger, Table } from "./frame.tsx";

export const Sources: FC<{ overview: Overview }> = ({ overview: { sources, operatorsNeeded, now } }) => {
  const { language } = useVisit();
  const { sources: says } = language.says.maintain;
  const lines = sources.map((source) => {
    const { name, kind, operator, own, healthy, problem, tip, behind, lastAnswer, coins } = source;
    const isFine = healthy && coins.differs === 0;
    return {
      ok: isFine ? ("yes" as const) : ("no" as const),
      cells: [
        <>
          <bdi>{name}</bdi> <small>{kind}</small>
        </>,
        <>
          <bdi>{operator}</bdi> {own && <span class="tag">{says.own}</span>}
        </>,
        <Health healthy={healthy} problem={problem} fine={says.healthy} />,
        tip === null ? "–" : language.number(tip.height),
        behind === null ? (tip === null ? "–" : says.offChain) : language.number(behind),
        <Moment at={lastAnswer} now={now} never={says.never} />,
        opinions(coins, says, (n) => language.number(n)),
      ],
    };
  });
  return (
    <section aria-labelledby="sources-h">
      <h2 id="sources-h">{says.title}</h2>
      <p>{language.count(operatorsNeeded, says.needed)}</p>
      <Table
        label="sources-h"
        columns={[says.name, says.operator, says.state, says.tip, says.behind, says.answered, says.coins]}
        lines={lines}
        empty={says.none}
      />
    </section>
  );
};

interface Opinions {
  agrees: (n: string) => string;
  differs: (n: string) => string;
  silent: (n: string) => string;
}

/** `agrees on 2, silent on 1`; a dash when no coin is watched. */
function opinions(coins: Overview["sources"][number]["coins"], says: Opinions, number: (n: number) => string): string {
  const parts = (["agrees", "differs", "silent"] as const)
    .filter((opinion) => coins[opinion] > 0)
    .map((opinion) => says[opinion](number(coins[opinion])));
  return parts.join(", ") || "–";
}

const Health: FC<{ healthy: boolean; problem: string | null; fine: string }> = ({ healthy, problem, fine }) => {
  const { coins } = useVisit().language.says;
  if (healthy && problem === null) return <span>{fine}</span>;
  return <span class="bad">{problem === null ? coins.noAnswer : <Stranger text={problem} />}</span>;
};

export const Channels: FC<{ overview: Overview }> = ({ overview: { channels, heartbeat, now } }) => {
  const { language } = useVisit();
  const { channels: says } = language.says.maintain;
  const lines = channels.map(({ name, sent, failed, refused, waiting, oldest, problem }) => ({
    ok: problem === null && refused === 0 ? ("yes" as const) : ("no" as const),
    cells: [
      <bdi>{name}</bdi>,
      <Health healthy={problem === null} problem={problem} fine={says.fine} />,
      ...[sent, failed, refused, waiting].map((n) => language.number(n)),
      <Moment at={oldest} now={now} never="–" />,
    ] as Child[],
  }));
  return (
    <section aria-labelledby="channels-h">
      <h2 id="channels-h">{says.title}</h2>
      <Table
        label="channels-h"
        columns={[says.name, says.state, says.sent, says.failed, says.refused, says.waiting, says.oldest]}
        lines={lines}
        empty={says.none}
      />
      <p>
        <strong>{says.heartbeat}</strong>{" "}
        {heartbeat === null ? (
          <span class="bad">{says.noHeartbeat}</span>
        ) : (
          <>
            {says.every(language.number(heartbeat.everySeconds))}{" "}
            {heartbeat.taken === null ? says.neverTaken : says.taken(language.ago(iso(heartbeat.taken), now))}{" "}
            {heartbeat.problem !== null && <Health healthy={false} problem={heartbeat.problem} fine="" />}
          </>
        )}
      </p>
    </section>
  );
};

export const Inputs: FC<{ inputs: PinataList["inputs"] | null; now: number }> = ({ inputs, now }) => {
  const { traces: says, sources, channels, wrong } = useVisit().language.says.maintain;
  const lines = (inputs ?? []).map(({ name, kind, problem, heard }) => ({
    ok: problem === null ? ("yes" as const) : ("no" as const),
    cells: [
      <bdi>{name}</bdi>,
      <Health healthy={problem === null} problem={problem} fine={channels.fine} />,
      kind,
      <Moment at={heard} now={now} never={sources.never} />,
    ] as Child[],
  }));
  return (
    <section aria-labelledby="traces-h">
      <h2 id="traces-h">{says.title}</h2>
      <Table
        label="traces-h"
        columns={[says.name, says.state, says.kind, says.heard]}
        lines={lines}
        empty={inputs === null ? wrong.noInputs : says.none}
      />
    </section>
  );
};
