/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The frame of every page: head, banner of cut paper, landmarks, languages. Nothing inline, nothing from elsewhere.
 */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { Assets } from "../assets.ts";
import { LANGUAGES } from "../catalogue/choose.ts";
import { link, type Visit, VisitContext } from "./visit.ts";

interface Props {
  title: string;
  assets: Assets;
  visit: Visit;
  /** Reload every ten seconds where there is no script. */
  refresh: "without-script" | "never";
  /** Where the live events go on from; absent: the page is not live. */
  events?: { after: string; now: number };
  state?: { now: string; known: string };
  /** A style sheet of its own. */
  sheet?: "maintain.css";
  /** Instead of what every other page holds: nothing. */
  foot?: string;
  /** Parameters of the page's address that stay in another language. */
  asked?: Readonly<Record<string, string>>;
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

/** What a live page says when its server has fallen silent; `#` stands for the time. */
const Lost: FC<{ visit: Visit }> = ({ visit: { language } }) => {
  const { lost, words, pictures, since } = language.says;
  return (
    <template
      id="lost"
      data-word={words.blind}
      data-sentence={lost.sentence}
      data-as-of={lost.asOf}
      data-last={lost.last("*")}
      data-picture={pictures.blind}
      data-since-label={since.blind}
    />
  );
};

export const Layout: FC<PropsWithChildren<Props>> = (props) => {
  const { title, assets, visit, refresh, events, state, sheet, children } = props;
  const { frame, colon, maintain } = visit.language.says;
  const to = (path: string) => link(visit, path);
  return (
    <VisitContext.Provider value={visit}>
      <html lang={visit.language.tag}>
        <head>
          <meta charset="utf-8" />
          <title>{title}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="description" content={frame.about} />
          <link rel="icon" href={assets.url("icon.svg")} type="image/svg+xml" />
          <link rel="stylesheet" href={assets.url("style.css")} />
          {state === undefined && <link rel="stylesheet" href={assets.url("more.css")} />}
          {sheet !== undefined && <link rel="stylesheet" href={assets.url(sheet)} />}
          {refresh === "without-script" && (
            <noscript>
              <meta http-equiv="refresh" content="10" />
            </noscript>
          )}
          {events !== undefined && (
            <>
              <link rel="alternate" type="text/event-stream" href={to("/events")} />
              <script type="module" src={assets.url("live.js")} />
            </>
          )}
        </head>
        <body data-state={state?.now} data-known={state?.known} data-after={events?.after} data-now={events?.now}>
          <a class="skip" href="#main">
            {frame.skip}
          </a>
          <Banner />
          <header class="top">
            <a class="name" href={to("/")}>
              piñata
            </a>
            <nav aria-label={frame.parts}>
              <a href={to("/#attempts")}>{frame.attempts}</a>
              <a href={to("/#timeline")}>{frame.timeline}</a>
              <a class="cta" href={to("/guide")}>
                {frame.attack}
              </a>
            </nav>
          </header>
          <main id="main">{children}</main>
          {state !== undefined && <Lost visit={visit} />}
          <footer>
            <p>
              {props.foot ?? frame.foot} {frame.data}
              {colon} <a href="/status.json">status.json</a>.
              {assets.maintainers === "linked" && (
                <>
                  {" "}
                  <a href={to("/maintain")}>{maintain.link}</a>
                </>
              )}
            </p>
            <nav aria-label={frame.languages} class="languages">
              {LANGUAGES.map(({ code, tag, says }) =>
                code === visit.language.code ? (
                  <strong lang={tag} aria-current="true">
                    {says.own}
                  </strong>
                ) : (
                  <a
                    href={`?${new URLSearchParams({ ...props.asked, lang: code })}`}
                    lang={tag}
                    hreflang={tag}
                    rel="alternate"
                  >
                    {says.own}
                  </a>
                ),
              )}
            </nav>
          </footer>
        </body>
      </html>
    </VisitContext.Provider>
  );
};
