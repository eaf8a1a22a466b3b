/**
 * What a list of signed statements says together: each is signed, each names the hash of the one before, numbers count up
 * by one, all are about one piñata and by keys that the reader trusts. Gaps in time are no fault of the chain: it says where
 * the witness was silent. Pure.
 */
import { equalBytes, ProofError } from "../proofs/bytes.ts";
import { checkSignature, type SignedStatement, type Statement, statementBytes, statementHash } from "./statement.ts";

/** What the reader knows from elsewhere. */
export interface StatementPins {
  /** Keys that may sign; when there are none, that of the first statement. */
  keys?: readonly string[];
  /** The piñata that they must be about. */
  pinata?: { address: string; network: string };
}

export interface StatementFinding {
  headline: string;
  proven: string[];
  notProven: string[];
}

const HOUR = 3_600_000;
/** Beyond the hour: a statement that waits for a slow store or a busy machine is not a gap. */
const PATIENCE = 5 * 60_000;
/** Gaps told one by one. */
const MAX_GAPS = 20;

/** Checks statements in the order of their numbers. Throws {@link ProofError} at the first thing that is wrong. */
export function checkStatements(
  list: readonly [SignedStatement, ...SignedStatement[]],
  pins: StatementPins = {},
): StatementFinding {
  const first = list[0].statement;
  const last = list.at(-1)!.statement;
  const keys = pins.keys?.length ? pins.keys : [first.key];
  let previous: Statement | undefined;
  for (const signed of list) {
    checkSignature(signed);
    checkOne(signed.statement, keys, pins);
    if (previous) checkLink(previous, signed.statement);
    previous = signed.statement;
  }
  const used = [...new Set(list.map(({ statement }) => statement.key))];
  const proven = [
    `${list.length === 1 ? "It is" : `All ${list.length} are`} signed by key ${used.join(" or ")}, and not a byte was changed since.`,
  ];
  const notProven = [
    "That what the witness says is true: it is its word. Coins and spends can be looked up, and a spend has its certificate.",
    "That it was said at that time: the time is that of the witness's own clock.",
  ];
  if (list.length > 1) {
    proven.push(`Numbers ${first.number} to ${last.number} follow on each other, none is missing or replaced.`);
    if (used.length > 1) proven.push(`The key changes ${countChanges(list)} times, among keys that you gave.`);
  }
  if (first.number > 1) notProven.push(`What was said before number ${first.number}: that is not shown.`);
  notProven.push(`What was said after number ${last.number}, or that there is no other chain of the same key.`);
  if (pins.keys?.length) proven.push("The key is one that you gave.");
  else notProven.push("Whose key it is: compare it with the one that was published, or give that with --key.");
  if (pins.pinata) proven.push("It is about the piñata of the public.json that you gave.");
  else notProven.push("That this is the piñata you mean: compare the address, or give its public.json with --public.");
  return {
    headline: `${list.length === 1 ? `statement ${first.number}` : `${list.length} statements`} about ${first.address} (${first.network})`,
    proven: [...proven, ...silences(list), says(last)],
    notProven,
  };
}

function checkOne(
  { number, key, network, address, previous }: Statement,
  keys: readonly string[],
  { keys: given, pinata }: StatementPins,
): void {
  if (!keys.includes(key)) {
    const trusted = given?.length
      ? "none that you gave"
      : `not ${keys[0]} as before; give both with --key if you trust both`;
    throw new ProofError(`statement ${number} signed by key ${key}, which is ${trusted}`);
  }
  if (pinata && (pinata.address !== address || pinata.network !== network)) {
    throw new ProofError(`statement ${number} about ${address} (${network}), not your piñata ${pinata.address}`);
  }
  if ((number === 1) !== (previous === null)) {
    throw new ProofError(
      `statement ${number} ${previous === null ? "with nothing before it" : "that follows on another"}`,
    );
  }
}

function checkLink(before: Statement, after: Statement): void {
  const { number } = after;
  if (number === before.number) {
    const isSame = equalBytes(statementBytes(before), statementBytes(after));
    throw new ProofError(
      isSame
        ? `statement ${number} twice`
        : `two different statements ${number}, both signed: the witness contradicts itself`,
    );
  }
  if (number < before.number) throw new ProofError(`statement ${number} after ${before.number}: they are out of order`);
  if (number > before.number + 1) {
    const missing = number - before.number === 2 ? `${number - 1} is` : `${before.number + 1} to ${number - 1} are`;
    throw new ProofError(`statement ${number} after ${before.number}: ${missing} missing`);
  }
  if (after.previous !== statementHash(before)) {
    throw new ProofError(
      `statement ${number} that follows on another statement ${before.number} than the one shown: a fork`,
    );
  }
  if (after.address !== before.address || after.network !== before.network || after.descriptor !== before.descriptor) {
    throw new ProofError(`statement ${number} about another piñata than ${before.number}`);
  }
}

function countChanges(list: readonly SignedStatement[]): number {
  return list.filter(({ statement }, index) => index > 0 && statement.key !== list[index - 1]!.statement.key).length;
}

/** Where nothing was said for more than an hour, and where the clock went back. */
function silences(list: readonly SignedStatement[]): string[] {
  const said: string[] = [];
  let more = 0;
  list.forEach(({ statement: { number, time } }, index) => {
    const before = list[index - 1]?.statement;
    if (!before) return;
    const passed = time - before.time;
    if (passed >= 0 && passed <= HOUR + PATIENCE) return;
    if (said.length === MAX_GAPS) more++;
    else if (passed < 0) said.push(`The witness's clock went back between ${before.number} and ${number}.`);
    else said.push(`SILENT between ${before.number} and ${number}: from ${when(before.time)} to ${when(time)}.`);
  });
  return more > 0 ? [...said, `${more} more such gaps.`] : said;
}

function says({ number, time, verdict, checked, coins, tip }: Statement): string {
  const seen = checked === null ? "never checked" : `checked at ${when(checked)}`;
  const at = tip ? `, block ${tip.height} ${tip.hash}` : "";
  return `Statement ${number} of ${when(time)} says "${verdict}" of ${coins.length} ${coins.length === 1 ? "coin" : "coins"}, ${seen}${at}.`;
}

/** Any whole number: dates end at 8.64e15. */
function when(millis: number): string {
  return millis <= 8.64e15 ? new Date(millis).toISOString() : `${millis} ms`;
}
