/**
 * Holds what a door did against the model's verdict. Each difference is a sentence; none: the conversation went as it has to.
 */
import { ALERT } from "../wire.ts";
import type { LastWords } from "./door-ear.ts";
import { type Judgement, judge } from "./model.ts";
import type { Played } from "./player.ts";
import { CANDY } from "./world.ts";

export interface Result {
  judgement: Judgement;
  /** The alert that the door sent, for counting. */
  alert: number | undefined;
  complaints: string[];
}

const FATAL = 2;

export function check(played: Played): Result {
  const { session, door } = played;
  const judgement = judge({
    ...{ role: session.role, claims: session.claims, fromPeer: played.fromPeer, fromDoor: played.fromDoor },
    agree: (group, share) => session.agree(group, share),
  });
  const last = judgement.ear.lastWords();
  const complaints: string[] = [];
  if (played.trapped !== undefined) complaints.push(played.trapped);
  if (judgement.complaint !== undefined) complaints.push(judgement.complaint);
  complaints.push(...checkCandy(played, judgement, last), ...checkVerdict(played, judgement, last));
  return { judgement, alert: door.alertsTraced[0]?.[0], complaints };
}

/** Candy for a proof and a Finished only, and a ticket for a proof only: whatever else the verdict says. */
function checkCandy(
  { door, fromDoor, afterFin, secrets }: Played,
  { verdict, proven }: Judgement,
  last: LastWords,
): string[] {
  const complaints: string[] = [];
  const mayHave = verdict.is === "accept";
  const asked = door.candyAsked > 0 || door.candyTraced || last.data.length > 0;
  if (asked && !mayHave) complaints.push("CANDY WITHOUT A PROOF");
  if (door.tickets !== (proven ? 1 : 0)) {
    complaints.push(`the vault gave ${door.tickets} tickets to a peer that has ${proven ? "" : "not "}proved itself`);
  }
  const said = Buffer.concat([fromDoor, afterFin]);
  if (said.includes(CANDY)) complaints.push("the candy in the clear");
  if (secrets.some((secret) => said.includes(secret))) complaints.push("a certificate of the piñata in the clear");
  return complaints;
}

function checkVerdict(played: Played, { verdict }: Judgement, last: LastWords): string[] {
  switch (verdict.is) {
    case "accept":
      return checkAccepted(played, verdict.afterwards, last);
    case "refuse":
      return checkRefused(played, verdict.alerts, last);
    case "ended":
      return checkEnded(played, verdict.answered, last);
    case "waiting":
      return checkWaiting(played, last);
    case "damaged":
      return checkOpenQuestion(played);
  }
}

function checkAccepted(
  { door, afterFin, closedByItself }: Played,
  afterwards: "open" | "closed" | undefined,
  last: LastWords,
): string[] {
  const complaints: string[] = [];
  if (afterwards !== undefined && closedByItself !== (afterwards === "closed")) {
    complaints.push(`after the candy it is ${closedByItself ? "closed" : "open"}, to be ${afterwards}`);
  }
  if (last.data.toString("latin1") !== CANDY) complaints.push(`a right peer got no candy but ${says(last)}`);
  if (door.candyAsked !== 1) complaints.push(`the candy was asked for ${door.candyAsked} times`);
  if (last.afterAlert.length > 0 || last.unreadable > 0) complaints.push(`after the candy: ${says(last)}`);
  if (last.alerts.some(([, description]) => description !== ALERT.closeNotify)) {
    complaints.push(`after the candy: ${says(last)}`);
  }
  if (last.alerts.length === 0) complaints.push("no close_notify after the candy");
  if (afterFin.length > 0) complaints.push("words after close_notify");
  return complaints;
}

function checkRefused(played: Played, alerts: readonly number[], last: LastWords): string[] {
  const [alert] = last.alerts;
  const isRight = last.alerts.length === 1 && alert![0] === FATAL && alerts.includes(alert![1]);
  const complaints = isRight ? [] : [`to be refused with one of ${names(alerts)}; it said ${says(last)}`];
  if (last.afterAlert.length > 0 || last.messages.length > 0) complaints.push(`beside the alert: ${says(last)}`);
  return [...complaints, ...checkClosed(played)];
}

function checkEnded(played: Played, answered: readonly number[], last: LastWords): string[] {
  const descriptions = last.alerts.map(([, description]) => description);
  const isRight = descriptions.join() === answered.join() && last.messages.length === 0;
  return [...(isRight ? [] : [`the peer ended it; it said ${says(last)}`]), ...checkClosed(played)];
}

function checkWaiting({ closedByItself, afterFin }: Played, last: LastWords): string[] {
  const complaints: string[] = [];
  if (last.alerts.length > 0 || closedByItself) complaints.push(`nothing is wrong yet; it said ${says(last)}`);
  if (afterFin.length > 0) complaints.push("words for a peer that has gone");
  return complaints;
}

/** Whatever the door made of it: one alert at most, which closes, and no words for a peer that has gone. */
function checkOpenQuestion({ door, closedByItself, afterFin }: Played): string[] {
  const complaints: string[] = [];
  const isRefused = door.alertsTraced.some(([description]) => description !== ALERT.closeNotify);
  if (door.alertsTraced.length > 1) complaints.push("more than one alert");
  if (isRefused && !closedByItself) complaints.push("it stays open after an alert");
  return afterFin.length > 0 ? [...complaints, "words for a peer that has gone"] : complaints;
}

function checkClosed({ closedByItself, afterFin }: Played): string[] {
  if (!closedByItself) return ["it stays open"];
  return afterFin.length > 0 ? ["words after the end"] : [];
}

function names(alerts: readonly number[]): string {
  return alerts.map(alertName).join(", ");
}

export function alertName(alert: number): string {
  return Object.entries(ALERT).find(([, number]) => number === alert)?.[0] ?? `alert ${alert}`;
}

function says({ alerts, data, messages, afterAlert, unreadable }: LastWords): string {
  const words = [
    ...alerts.map(([level, description]) => `${alertName(description)}${level === FATAL ? "" : ` at level ${level}`}`),
    ...(data.length > 0 ? [`${data.length} bytes of data`] : []),
    ...(messages.length > 0 ? [`messages of types ${messages.join(", ")}`] : []),
    ...(afterAlert.length > 0 ? [`records of types ${afterAlert.join(", ")} after the alert`] : []),
    ...(unreadable > 0 ? ["something unreadable"] : []),
  ];
  return words.length === 0 ? "nothing" : words.join(", ");
}
