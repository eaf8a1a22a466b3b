/**
 * What a request says of its visitor: the language, and in it the words for the visitor's mistakes.
 */
import type { Context } from "hono";
import { chooseLanguage } from "../catalogue/choose.ts";
import type { Visit } from "./visit.ts";

/** The visitor's language, by `?lang=` or Accept-Language. */
export function visitOf(c: Context): Visit {
  return chooseLanguage(c.req.query("lang"), c.req.header("accept-language"));
}

type MistakeName = "noAttempt" | "notNow" | "noFile" | "nowhere";

/** A mistake's title and sentence in the visitor's language. */
export function mistake(c: Context, name: MistakeName): { title: string; sentence: string } {
  const { problems } = visitOf(c).language.says;
  return { title: problems[name], sentence: problems[`${name}Text`] };
}
