/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What a visitor may do: the doors, the rules and their limits, how to win in practice, and the trust anchor.
 */
import type { FC } from "hono/jsx";
import type { Info } from "../info.ts";
import type { Row, View } from "../view.ts";
import { List, shownIf, text, When } from "./bind.tsx";

export const Guide: FC<{ view: View; info: Info }> = ({ view: { text: t, lists, now }, info }) => (
  <>
    <section id="doors" aria-labelledby="doors-h">
      <h2 id="doors-h">The doors</h2>
      <List name="doors" rows={lists.doors} row={(row) => <DoorItem row={row} />} empty="" />
      <p class="note" {...shownIf(t, "doorsNote")}>
        <span {...text(t, "doorsNote")} />
      </p>
      <dl class="facts">
        <div {...shownIf(t, "image")}>
          <dt>Image</dt>
          <dd>
            SHA-256 <code {...text(t, "image")} /> on the <span {...text(t, "board")} /> board
          </dd>
        </div>
        <div {...shownIf(t, "bootAt")}>
          <dt>Running since</dt>
          <dd>
            <When row={t} name="bootAt" now={now} />
          </dd>
        </div>
      </dl>
    </section>
    <section id="rules" aria-labelledby="rules-h">
      <h2 id="rules-h">Rules and scope</h2>
      <ul class="rules">
        <li class="rule">
          <strong>A win</strong> is the candy: the private key of the coins. Who has it moves them, and the block chain
          says so to everyone. No form, no jury, no permission.
        </li>
        <li class="rule">
          <strong>In scope</strong>: everything that answers at the doors above, with any bytes you like, from as many
          connections as the limits let you. Standing between the doors and relaying one to another is part of the game.
        </li>
        <li class="rule">
          <strong>Out of scope</strong>: this page, the monitor, the host and its network, the people around it, and
          other visitors. Flooding wins nothing.
        </li>
        <li class="rule">
          <strong>Limits</strong>: TLS 1.3 only; ten seconds for a handshake; 16 KiB for one handshake message; 64 KiB
          in all before you are authenticated; a limited number of connections, in all and from one address.
        </li>
        <li class="rule">
          <strong>Seen by all</strong>: each attempt is listed here with how far it got and why it ended. Half of your
          address is hidden; what you send is never shown.
        </li>
      </ul>
    </section>
    <section id="practise" aria-labelledby="practise-h">
      <h2 id="practise-h">How to win in practice</h2>
      {info.practiceDir === null ? (
        <p>
          Nobody was given a certificate for this piñata. On your own machine, <code>npx pinata start</code> hangs a
          practice piñata that comes with a player's certificate. Run these commands in the folder of its practice
          files.
        </p>
      ) : (
        <p>
          This piñata is for practice, so a player's certificate that leads to its trust anchor lies in{" "}
          <code>{info.practiceDir}</code>. With it, the doors open.
        </p>
      )}
      <ol class="steps">
        <Step
          what="Look: without a certificate you are refused, with the alert that the RFC names."
          row={t}
          name="cmdLook"
        />
        <Step what="Win at the server door: the candy arrives and the connection closes." row={t} name="cmdPlay" />
        <Step
          what="For the other two doors you are the TLS server. Start one, and leave it running:"
          row={t}
          name="cmdServe"
        />
        <Step what="… then let the piñata dial back to it," row={t} name="cmdDialBack" />
        <Step what="… or carry its client door to it yourself." row={t} name="cmdReverse" />
        <Step what="Make it talk to itself, the candy passing encrypted through your hands:" row={t} name="cmdRelay" />
        <Step
          what="The whole winner's journey: open it, sweep the coins, and watch this page say SMASHED."
          row={t}
          name="cmdSmash"
        />
      </ol>
      {info.trustAnchor !== null && (
        <>
          <h3>The trust anchor</h3>
          <p>Both sides must show a certificate that leads to this one.</p>
          <pre>
            <code>{info.trustAnchor}</code>
          </pre>
        </>
      )}
    </section>
  </>
);

const DoorItem: FC<{ row: Row }> = ({ row }) => (
  <li data-key={row.key}>
    <p class="line1">
      <strong {...text(row, "role")} />
      <code {...shownIf(row, "address")}>
        <span {...text(row, "address")} />
      </code>
    </p>
    <p {...text(row, "what")} />
  </li>
);

const Step: FC<{ what: string; row: Row; name: string }> = ({ what, row, name }) => (
  <li>
    <p>{what}</p>
    <pre>
      <code {...text(row, name)} />
    </pre>
  </li>
);
