/**
 * What alerts say. One function for each happening gives a subject line, the facts (what is proven and how) and what to
 * do; `render` puts them together with who saw it, and how to acknowledge, into the text that a person reads and the JSON
 * that a program reads. Plain text; nothing here claims what was not verified.
 */
import type { SpendBytes } from "../coins/coin.ts";
import { amount } from "../verdict.ts";
import type { AlertBody, AlertKind, Draft, Message } from "./kinds.ts";
import { KINDS } from "./kinds.ts";

/** The words of an alert, without what it is about. */
export interface Words {
  subject: string;
  facts: string[];
  advice: string[];
}

/** A coin's transaction as the words need it. */
export interface Spending {
  /** "0.10000000 BTC" */
  money: string;
  txid: string;
  kind: "breach" | "refund" | "unknown";
  /** What was verified about it, in a sentence. */
  proof: string;
  block: { height: number; hash: string } | null;
  bytes?: SpendBytes | undefined;
}

const WHO: Readonly<Record<Spending["kind"], string>> = {
  breach: "a breach (key path)",
  refund: "the sponsor's refund",
  unknown: "a spend by a script that was never published",
};

/** What it pays, and its bytes, to look at or to send on. */
function bytesOf({ txid, bytes }: Spending): string[] {
  if (!bytes) return [];
  const { size, fee, raw } = bytes;
  const paid =
    fee === null ? "a fee that is not known" : `a fee of ${fee} satoshi, ${(fee / size).toFixed(1)} for each of`;
  const whole = `The whole proof is at the monitor's /v1/breach/${txid}; \`pinata verify\` checks it without network.`;
  return [
    `It pays ${paid}${fee === null ? ` for` : " its"} ${size} virtual bytes. ${whole}`,
    ...(raw === null ? [] : [`Raw transaction: ${raw}`]),
  ];
}

const at = (block: Spending["block"]): string => (block ? `block ${block.height} ${block.hash}` : "no block");
const INCLUDED = "Its inclusion was checked by merkle branch against a header with valid proof of work.";
const KEY_IS_OUT = "The key is out whatever happens to this transaction: that does not go back.";

export const words = {
  breach: (spending: Spending): Words => ({
    subject: `BREACH: ${spending.money} are leaving by the piñata's own key`,
    facts: [
      `Transaction ${spending.txid} spends the coin by its key path.`,
      spending.proof,
      KEY_IS_OUT,
      ...bytesOf(spending),
    ],
    advice: [
      "Treat the piñata's key as known to somebody else: do not put any more coins on this address.",
      "Keep the piñata's trace and image: they are the record of how it was done.",
      "If this was you, sweeping your own piñata, acknowledge this alert.",
    ],
  }),
  "unknown-spend": ({ money, txid, proof, block }: Spending): Words => ({
    subject: `GONE: ${money} left by a script that was never published`,
    facts: [`Transaction ${txid} in ${at(block)} spends the coin.`, proof, INCLUDED],
    advice: [
      "Whoever made the address knew another way to spend it: compare the descriptor with the one that was minted.",
    ],
  }),
  refund: ({ money, txid, proof }: Spending): Words => ({
    subject: `Refund: the sponsor is taking back ${money}`,
    facts: [`Transaction ${txid} spends the coin by the published refund path.`, proof],
    advice: ["If you are the sponsor and did not do this, somebody has your refund key."],
  }),
  replaced: (spending: Spending): Words => ({
    subject: `Replaced: another transaction now takes the ${spending.money}`,
    facts: [
      `Transaction ${spending.txid}, ${WHO[spending.kind]}, now stands where another spend of the same coin stood.`,
      spending.proof,
      ...bytesOf(spending),
    ],
    advice: ["Nothing new: several may hold the key and outbid each other."],
  }),
  vanished: ({ money, txid, kind }: Spending): Words => ({
    subject: `Vanished: no source shows the spend of ${money} any more`,
    facts: [`Transaction ${txid}, ${WHO[kind]}, was seen before and is in no mempool and no block now.`].concat(
      kind === "breach" ? [KEY_IS_OUT] : [],
    ),
    advice: ["Nothing at once. It may come back, or another transaction may take its place."],
  }),
  returned: ({ money, txid, kind }: Spending): Words => ({
    subject: `Back: the spend of ${money} is seen again`,
    facts: [`Transaction ${txid}, ${WHO[kind]}, had vanished and is in a mempool again.`],
    advice: ["Nothing new."],
  }),
  confirmed: ({ money, txid, kind, proof, block }: Spending): Words => ({
    subject: `Confirmed: ${money} ${kind === "refund" ? "went back to the sponsor" : "are gone"}`,
    facts: [`Transaction ${txid}, ${WHO[kind]}, is in ${at(block)}.`, proof, INCLUDED],
    advice: kind === "refund" ? ["Nothing."] : ["Wait for six confirmations before you act on where the coins went."],
  }),
  final: ({ money, txid, kind, block }: Spending): Words => ({
    subject: `Final: the spend of ${money} has six confirmations`,
    facts: [
      `Transaction ${txid}, ${WHO[kind]}, in ${at(block)}, is six blocks deep or more on the chain with most work.`,
    ],
    advice: ["Nothing; this coin's story is over unless the chain is reorganised deeper than six blocks."],
  }),
  reorged: ({ money, txid, kind, block }: Spending): Words => ({
    subject: `Reorg: the spend of ${money} is not confirmed any more`,
    facts: [
      `Transaction ${txid}, ${WHO[kind]}, was in ${at(block)}, which is not on the chain with most work any more.`,
      ...(kind === "breach" ? [KEY_IS_OUT] : []),
    ],
    advice: ["Wait: it usually is in another block soon. Another transaction may win instead; that would be told too."],
  }),
  conflict: ({ money, txid, kind, proof, block }: Spending): Words => ({
    subject: `Conflict: another transaction won the ${money}`,
    facts: [
      `Transaction ${txid}, ${WHO[kind]}, is in ${at(block)}, not the spend that was seen before.`,
      proof,
      INCLUDED,
    ],
    advice: ["Follow this transaction, not the earlier one."],
  }),
  fundingSeen: ({ money, txid }: Omit<Spending, "kind" | "proof">): Words => ({
    subject: `Funding seen: ${money} on their way`,
    facts: [`Transaction ${txid} pays the piñata's script; it is in no block yet, so it may still vanish.`],
    advice: ["Nothing."],
  }),
  fundingConfirmed: ({ money, txid, block }: Omit<Spending, "kind" | "proof">): Words => ({
    subject: `Funding confirmed: ${money} hang here`,
    facts: [`Transaction ${txid} pays the piñata's script and is in ${at(block)}.`, INCLUDED],
    advice: ["Nothing."],
  }),
  fundingReorged: ({ money, txid, block }: Omit<Spending, "kind" | "proof">): Words => ({
    subject: `Reorg: the funding of ${money} is not confirmed any more`,
    facts: [`Transaction ${txid} was in ${at(block)}, which is not on the chain with most work any more.`],
    advice: ["Wait for it to be in a block again; if you are the sponsor, broadcast it once more."],
  }),
  fundingGone: ({ money, txid }: Omit<Spending, "kind" | "proof">): Words => ({
    subject: `Funding gone: ${money} did not arrive`,
    facts: [`No source shows transaction ${txid} any more; it is in no block of the chain with most work.`],
    advice: ["If you are the sponsor, look at the transaction in your wallet."],
  }),
  fundingMany: (number: number): Words => ({
    subject: "Many fundings: they are not told one by one any more",
    facts: [`More than ${number} payments to the piñata came or went within an hour. Spends are told as ever.`],
    advice: ["Look at the coins at the monitor's /v1/coins. Somebody may want to hide something else behind them."],
  }),
  fundingFew: (): Words => ({
    subject: "Fundings are told one by one again",
    facts: ["For an hour there were no more of them than are told."],
    advice: ["Nothing."],
  }),
  blind: (seconds: number, sources: readonly string[]): Words => ({
    subject: "BLIND: no source answers, nothing can be said about the coins",
    facts: [`No source has given an answer that could be used for ${seconds} seconds.`, ...sources],
    advice: ["Look at the sources and at this machine's network; until this is over, ask another watcher."],
  }),
  sighted: (sources: readonly string[]): Words => ({
    subject: "Sees again: the coins are being checked",
    facts: [
      "A source answers again. What happened meanwhile was looked for and is told by alerts of its own.",
      ...sources,
    ],
    advice: ["Nothing."],
  }),
  disagree: (seconds: number, views: readonly string[]): Words => ({
    subject: "The sources disagree",
    facts: [`For ${seconds} seconds the sources have not told the same.`, ...views],
    advice: ["Find out which source is wrong, or whether one of them is cut off from the rest of the network."],
  }),
  agree: (): Words => ({
    subject: "The sources agree again",
    facts: ["All sources that answer tell the same."],
    advice: ["Nothing."],
  }),
  clockJumped: (milliseconds: number): Words => ({
    subject: `This machine's clock jumped by ${Math.round(milliseconds / 1000)} seconds`,
    facts: ["The time of day moved against the time since start: the clock was set, or the machine was paused."],
    advice: ["Look at the machine's time service. Times in alerts and statements around now may be wrong."],
  }),
  clockSteady: (minutes: number): Words => ({
    subject: "This machine's clock runs steadily again",
    facts: [`It has not jumped for ${minutes} minutes.`],
    advice: ["Nothing."],
  }),
  storeFails: (reason: string, unkept: readonly string[]): Words => ({
    subject: "The monitor's store cannot be written",
    facts: [
      `The store answers: ${reason}`,
      "Nothing new is published until it can be written. This message did not go through the store.",
      ...unkept.map((each) => `Found but not kept: ${each}`),
    ],
    advice: ["Make room on the disk, or look at its health and the file's owner. The monitor tries again by itself."],
  }),
  storeWorks: (): Words => ({
    subject: "The monitor's store can be written again",
    facts: ["What was found meanwhile is written now and told by alerts of its own."],
    advice: ["Nothing."],
  }),
  pinataFails: (problem: string): Words => ({
    subject: "The piñata is silent",
    facts: [`The piñata ${problem}.`],
    advice: ["Look at the machine that it hangs on."],
  }),
  pinataWorks: (): Words => ({
    subject: "The piñata is back",
    facts: ["The piñata answers again."],
    advice: ["Nothing."],
  }),
  channelFails: (name: string, problem: string): Words => ({
    subject: `Alerts do not get through: channel "${name}" fails`,
    facts: [`Channel "${name}" ${problem}. Its alerts wait in order and are tried again.`],
    advice: [`Repair the channel, then try it: pinata alert test --config FILE`],
  }),
  channelWorks: (name: string): Words => ({
    subject: `Alerts get through again: channel "${name}" works`,
    facts: [`Channel "${name}" took an alert.`],
    advice: ["Nothing."],
  }),
  test: (): Words => ({
    subject: "Test: this is how an alert arrives",
    facts: ["Somebody ran `pinata alert test`. Nothing has happened to the coins."],
    advice: ["Nothing."],
  }),
};

export interface Written {
  id: string;
  sequence: number;
  network: string;
  address: string;
  /** Where the API listens; null when nothing can be acknowledged there. */
  acknowledgeAt: string | null;
}

/** The alert as it is kept and sent. */
export function render(draft: Draft, written: Written): Message {
  const { kind, phase, at: time, coin, txid, block, sources } = draft;
  const { id, sequence, network, address } = written;
  const body: AlertBody = {
    version: 1,
    id,
    sequence,
    kind,
    phase,
    severity: severityOf(draft),
    at: time,
    incident: draft.incident ?? null,
    network,
    address,
    coin,
    txid,
    block,
    sources: [...sources],
    subject: subjectOf(draft),
    text: textOf(draft, written),
  };
  return { body, json: JSON.stringify(body) };
}

/** What is over is no catastrophe any more. */
export function severityOf({ kind, phase, severity }: Draft): AlertBody["severity"] {
  return phase === "recovered" ? "info" : (severity ?? KINDS[kind].severity);
}

export function subjectOf({ phase, number, subject }: Draft): string {
  return phase === "reminder" ? `[Piñata] Reminder ${number}: ${subject}` : `[Piñata] ${subject}`;
}

function textOf(draft: Draft, { id, sequence, network, address, acknowledgeAt }: Written): string {
  const { kind, phase, at: time, coin, sources, facts, advice } = draft;
  const lines = [...facts, ""];
  if (coin) lines.push(`Coin: ${coin.outpoint} (${amount(coin.value, network)})`);
  if (coin && sources.length > 0) lines.push(`Shown by: ${sources.join(", ")}. Verified by this monitor itself.`);
  lines.push("What to do:", ...advice.map((each) => `- ${each}`), "");
  lines.push(`Piñata ${address} (${network}). Alert ${id}, number ${sequence}, ${new Date(time).toISOString()}.`);
  if (insists(kind) && phase !== "recovered" && acknowledgeAt !== null) {
    lines.push(
      "It is repeated until somebody acknowledges it, on the monitor's machine:",
      `curl -X POST -H "Authorization: Bearer $(cat TOKEN-FILE)" ${acknowledgeAt}/v1/alerts/${draft.incident ?? id}/ack`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function insists(kind: AlertKind): boolean {
  return KINDS[kind].reminded === "until acknowledged";
}
