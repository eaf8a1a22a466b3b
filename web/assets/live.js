// Keeps an open page up to date through its event stream (bindings: pages/bind.tsx). Everything is written as text or to
// a few known attributes, so nothing that a peer sent becomes markup. When the server falls silent, the page claims nothing.
const { body, documentElement } = document;
const SILENT_AFTER = 15_000;
const SHOWN = 20;
const ATTRIBUTES = /^(data-(mark|ok|outcome)|width|href)$/;
const stream = new URL(document.querySelector('link[type="text/event-stream"]').href);
const base = stream.pathname.slice(0, -"/events".length);
let skew = Number(body.dataset.now) - Date.now();
let heard = Date.now();
let lost = false;

const tag = documentElement.lang;
const moment = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const relative = new Intl.RelativeTimeFormat(tag);
const soon = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
const utc = (time) => time && `${moment.format(Date.parse(time))} UTC`;
const iso = (millis) => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");

/** The twin of `ago` in web/catalogue/language.ts. */
function ago(time) {
  const s = Math.floor((Date.now() + skew - Date.parse(time)) / 1000);
  if (s < 10) return soon.format(0, "second");
  if (s < 60) return relative.format(-(s - (s % 10)), "second");
  if (s < 3600) return relative.format(-Math.floor(s / 60), "minute");
  if (s < 172800) return relative.format(-Math.floor(s / 3600), "hour");
  return relative.format(-Math.floor(s / 86400), "day");
}

const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Links lead to attempts (in the page's language) and proofs of this site, and nowhere else. */
function hrefOf(text) {
  if (text.startsWith("/attempts/")) return base + text + stream.search;
  return text.startsWith("/api/") ? base + text : undefined;
}

/** Writes `row` into the elements bound to it: within a list's row its own, on the page those outside all rows. */
function fill(root, row) {
  const scope = root.closest("[data-key]");
  for (const e of [root, ...root.querySelectorAll("[data-t],[data-if],[data-when],[data-a]")]) {
    if (e.closest("[data-key]") !== scope) continue;
    const { t, if: shown, when, a } = e.dataset;
    if (t in row) say(e, row[t]);
    const lang = row[`${t}Lang`];
    if (lang) e.lang = lang;
    else if (lang === "") e.removeAttribute("lang");
    if (shown in row) e.hidden = !row[shown];
    if (when in row) {
      const time = row[when];
      e.hidden = !time;
      e.firstElementChild.dateTime = time;
      say(e.firstElementChild, utc(time));
      say(e.lastElementChild, time && ago(time));
    }
    for (const pair of a?.split(" ") ?? []) {
      const [attribute, name] = pair.split(":");
      if (!ATTRIBUTES.test(attribute) || !(name in row)) continue;
      const value = attribute === "href" ? hrefOf(row[name]) : row[name];
      if (value !== undefined) e.setAttribute(attribute, value);
    }
  }
}

const listOf = (name) => document.querySelector(`[data-list="${name}"]`);
const find = (list, key) => [...list.children].find((e) => e.dataset.key === key);

function make(list, row) {
  const item = list.firstElementChild.content.firstElementChild.cloneNode(true);
  item.dataset.key = row.key;
  fill(item, row);
  return item;
}

const told = (name, list) => {
  const empty = document.querySelector(`[data-empty="${name}"]`);
  if (empty) empty.hidden = list.children.length > 1;
};

/** Makes a list's rows these, in this order. */
function arrange(name, rows) {
  const list = listOf(name);
  if (!list) return;
  let place = list.firstElementChild;
  for (const row of rows) {
    let item = find(list, row.key);
    if (item) fill(item, row);
    else item = make(list, row);
    if (place.nextElementSibling !== item) place.after(item);
    place = item;
  }
  while (place.nextElementSibling) place.nextElementSibling.remove();
  told(name, list);
}

function swing() {
  const pinata = document.querySelector(".pinata");
  if (!pinata) return;
  pinata.classList.remove("hit");
  pinata.getBoundingClientRect();
  pinata.classList.add("hit");
}

function attempt(row) {
  const own = document.querySelector("article[data-key]");
  if (own?.dataset.key === row.key) {
    // When it is over, the server draws the conversation.
    if (own.dataset.outcome === "open" && row.outcome !== "open") return location.reload();
    fill(own, row);
  }
  const list = listOf("attempts");
  if (!list) return;
  const known = find(list, row.key);
  if (known) return fill(known, row);
  const item = make(list, row);
  item.classList.add("new");
  list.firstElementChild.after(item);
  while (list.children.length > SHOWN + 1) list.lastElementChild.remove();
  told("attempts", list);
  swing();
}

function status(view) {
  skew = view.now - Date.now();
  lost = false;
  if (!listOf("coins")) return;
  body.dataset.state = view.state;
  body.dataset.known = view.known;
  document.title = `${view.text.word} · piñata`;
  fill(body, view.text);
  for (const name of Object.keys(view.lists)) arrange(name, view.lists[name]);
}

function tick() {
  for (const e of document.querySelectorAll("[data-when]")) {
    const time = e.firstElementChild.dateTime;
    if (time) say(e.lastElementChild, ago(time));
  }
  const words = document.querySelector("#lost");
  if (lost || Date.now() - heard < SILENT_AFTER || !words) return;
  lost = true;
  const was = document.querySelector('[data-t="word"]').textContent;
  const since = iso(heard + skew);
  const known = body.dataset.state !== "blind";
  body.dataset.state = "blind";
  const row = { ...words.dataset, monitorSays: "", problem: "", sinceAt: since };
  document.title = `${row.word} · piñata`;
  row.asOf = row.asOf.replace("#", utc(since));
  row.last = row.last.replace("*", was.toUpperCase()).replace("#", utc(since));
  if (!known) delete row.last;
  fill(body, row);
}

function connect(after) {
  const url = new URL(stream);
  url.searchParams.set("after", after);
  const events = new EventSource(url);
  const on = (name, act) =>
    events.addEventListener(name, (event) => {
      heard = Date.now();
      if (event.lastEventId) after = event.lastEventId;
      act(JSON.parse(event.data));
    });
  on("status", status);
  on("attempt", attempt);
  on("attempts", (rows) => arrange("attempts", rows));
  on("alive", (now) => {
    skew = now - Date.now();
  });
  // The browser comes back by itself after a broken line, but gives up on an answer that is no stream.
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000, after);
  });
}

document.querySelector(".pinata")?.addEventListener("animationend", (event) => {
  if (event.animationName === "hit") event.currentTarget.classList.remove("hit");
});
setInterval(tick, 1000);
connect(body.dataset.after);
