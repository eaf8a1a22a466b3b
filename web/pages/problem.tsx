/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What a visitor sees who asked for something that is not there or may not be done.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import { Layout } from "./layout.tsx";
import { link, plainVisit, type Visit } from "./visit.ts";

interface Props {
  title: string;
  sentence: string;
  assets: Assets;
  visit?: Visit;
}

export const Problem: FC<Props> = ({ title, sentence, assets, visit = plainVisit }) => {
  const { problems } = visit.language.says;
  return (
    <Layout title={`${title} · piñata`} assets={assets} visit={visit} refresh="never">
      <article class="problem">
        <h1>{title}</h1>
        <p class="sentence">{sentence}</p>
        <ul>
          <li>
            <a href={link(visit, "/")}>{problems.back}</a>
          </li>
          <li>
            <a href={link(visit, "/guide#rules")}>{problems.rules}</a>
          </li>
        </ul>
      </article>
    </Layout>
  );
};
