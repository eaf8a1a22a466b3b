/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * A handshake drawn as a sequence diagram (inline SVG, made on the server) with the same beside it as text, and what the
 * RFC says of the refusal. What the peer named stands in a text of its own, so that no direction mark in it reaches ours.
 */
import type { FC } from "hono/jsx";
import type { Conversation as Spoken, Step } from "../conversation.ts";
import { useVisit } from "./visit.ts";

const WIDTH = 420;
const PEER = 34;
const PINATA = WIDTH - 34;
const TOP = 46;
const ROW = 54;
/** Characters that fit between the two lines. */
const LABEL = 34;
const NOTE = 46;

export const Conversation: FC<{ spoken: Spoken }> = ({ spoken: { steps, quote } }) => {
  const { language } = useVisit();
  const { attempt, conversation, colon } = language.says;
  return (
    <section aria-labelledby="talk-h">
      <h2 id="talk-h">{attempt.conversation}</h2>
      <div class="talk">
        <svg
          class="sequence"
          viewBox={`0 0 ${WIDTH} ${TOP + steps.length * ROW + 12}`}
          role="img"
          aria-label={conversation.diagram(language.number(steps.length))}
        >
          <defs>
            {(["plain", "good", "bad"] as const).map((mark) => (
              <marker
                id={`to-${mark}`}
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerWidth="8"
                markerHeight="8"
                orient="auto"
              >
                <path class={`tip ${mark}`} d="M0 0L8 4L0 8z" />
              </marker>
            ))}
          </defs>
          <text class="who" x={PEER - 28} y="20">
            {attempt.peer}
          </text>
          <text class="who end" x={PINATA + 28} y="20">
            {attempt.pinata}
          </text>
          <path class="life" d={`M${PEER} 32V${TOP + steps.length * ROW}M${PINATA} 32V${TOP + steps.length * ROW}`} />
          {steps.map((step, i) => (
            <Arrow step={step} y={TOP + i * ROW} />
          ))}
        </svg>
        <div>
          <h3>{attempt.asText}</h3>
          <ol class="spoken">
            {steps.map(({ from, label, note, noteLang, peerText, mark, at }) => (
              <li class={mark}>
                <span class="when">+{language.number(at)} ms</span>{" "}
                {from !== null && `${from === "peer" ? attempt.peer : attempt.pinata}${colon} `}
                <strong>{label}</strong>
                {note !== "" && <span lang={noteLang}> {note}</span>}
                {peerText !== "" && (
                  <>
                    {" "}
                    <code>
                      <bdi>{peerText}</bdi>
                    </code>
                  </>
                )}
              </li>
            ))}
          </ol>
        </div>
      </div>
      {quote !== null && (
        <figure class="rfc">
          <figcaption>
            {attempt.rfc}
            {colon} RFC 8446 §{quote.section}
          </figcaption>
          <blockquote lang="en">{quote.text}</blockquote>
        </figure>
      )}
    </section>
  );
};

const Arrow: FC<{ step: Step; y: number }> = ({ step: { from, label, note, noteLang, peerText, mark }, y }) => {
  const line = y + 24;
  const below = peerText || note;
  return (
    <g class={mark}>
      <text class="label" x={WIDTH / 2} y={y + 16}>
        {clipped(label, LABEL)}
      </text>
      {from === null ? (
        <path class="happened" d={`M${PEER} ${line}H${PINATA}`} />
      ) : (
        <path
          class="arrow"
          marker-end={`url(#to-${mark})`}
          d={from === "peer" ? `M${PEER} ${line}H${PINATA - 2}` : `M${PINATA} ${line}H${PEER + 2}`}
        />
      )}
      {below !== "" && (
        <text
          class={peerText === "" ? "below" : "below peer"}
          lang={peerText === "" ? noteLang : undefined}
          x={WIDTH / 2}
          y={line + 15}
        >
          {clipped(below, NOTE)}
        </text>
      )}
    </g>
  );
};

function clipped(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}
