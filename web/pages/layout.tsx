/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The frame of every page: head, banner of cut paper, landmarks. Nothing inline, nothing from elsewhere.
 */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { Assets } from "../assets.ts";

interface Props {
  title: string;
  assets: Assets;
  /** Reload every ten seconds where there is no script. */
  refresh: "without-script" | "never";
  /** Where the live events go on from; absent: the page is not live. */
  events?: { after: string; now: number };
  state?: { now: string; known: string };
}

const COLOURS = [0, 2, 4, 1, 3];

/** Papel picado: a string of cut-paper flags, as wide as the window. Decoration only. */
const Banner: FC = () => (
  <svg class="picado" aria-hidden="true">
    <defs>
      <path
        id="flag"
        fill-rule="evenodd"
        d="M2 0H58V34l-4 6-5-6-5 6-4.5-6-5 6-4.5-6-5 6-5-6-5 6-4.5-6-5 6-4-6zM30 7l4 7 8 1-6 5 2 8-8-4-8 4 2-8-6-5 8-1zM10 6a4 4 0 1 0 .1 0zM50 6a4 4 0 1 0 .1 0zM10 20l4 4-4 4-4-4zM50 20l4 4-4 4-4-4z"
      />
      <pattern id="flags" width="300" height="46" patternUnits="userSpaceOnUse">
        {COLOURS.map((colour, i) => (
          <use href="#flag" x={i * 60} class={`p${colour}`} />
        ))}
      </pattern>
    </defs>
    <rect width="100%" height="46" fill="url(#flags)" />
    <rect width="100%" height="2" class="cord" />
  </svg>
);

export const Layout: FC<PropsWithChildren<Props>> = ({ title, assets, refresh, events, state, children }) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <title>{title}</title>
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="description" content="A sealed machine with bitcoin inside. Break it and the coins are yours." />
      <link rel="icon" href={assets.url("icon.svg")} type="image/svg+xml" />
      <link rel="stylesheet" href={assets.url("style.css")} />
      {refresh === "without-script" && (
        <noscript>
          <meta http-equiv="refresh" content="10" />
        </noscript>
      )}
      {events !== undefined && <script type="module" src={assets.url("live.js")} />}
    </head>
    <body data-state={state?.now} data-known={state?.known} data-after={events?.after} data-now={events?.now}>
      <a class="skip" href="#main">
        Skip to the piñata
      </a>
      <Banner />
      <header class="top">
        <a class="name" href="/">
          piñata
        </a>
        <nav aria-label="Parts of the page">
          <a href="/#attempts">Attempts</a>
          <a href="/#doors">Doors</a>
          <a href="/#rules">Rules</a>
          <a href="/#practise">Practise</a>
        </nav>
      </header>
      <main id="main">{children}</main>
      <footer>
        <p>
          This page holds nothing: no key, no cookie, no tracker. What it says comes from the monitor, which believes no
          single source. As data: <a href="/status.json">status.json</a>.
        </p>
      </footer>
    </body>
  </html>
);
