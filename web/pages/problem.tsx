/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What a visitor sees who asked for something that is not there or may not be done.
 */
import type { FC } from "hono/jsx";
import type { Assets } from "../assets.ts";
import { Layout } from "./layout.tsx";

export const Problem: FC<{ title: string; sentence: string; assets: Assets }> = ({ title, sentence, assets }) => (
  <Layout title={`${title} · piñata`} assets={assets} refresh="never">
    <article class="problem">
      <h1>{title}</h1>
      <p class="sentence">{sentence}</p>
      <p>
        <a href="/">See whether the piñata still hangs</a>, or read its <a href="/#rules">rules</a>.
      </p>
    </article>
  </Layout>
);
