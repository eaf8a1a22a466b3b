// Keeps an open page up to date through /events (bindings: pages/bind.tsx). Everything is written as text or to a few
// known attributes, so nothing that a peer sent becomes markup. When the server falls silent, the page claims nothing.
const { body } = document;
const SILENT_AFTER = 15_000;
const SHOWN = 20;
const ATTRIBUTES = /^(data-(mark|ok|outcome)|width|href)$/;
let skew = Number(body.dataset.now) - Date.now();
let heard = Date.now();
let lost = false;

const plural = (n, noun) => `${String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f")} ${noun}${n === 1 ? "" : "s"} ago`;
const iso = (millis) => new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
const utc = (time) => time.replace("T", " ").replace("Z", " UTC");

/** The twin of `ago` in web/text.ts. */
function ago(time) {
  const s = Math.floor((Date.now() + skew - Date.parse(time)) / 1000);
  if (s < 10) return "just now";
  if (s < 60) return `${s - (s % 10)} seconds ago`;
  if (s < 3600) return plural(Math.floor(s / 60), "minute");
  if (s < 172800) return plural(Math.floor(s / 3600), "hour");
  return plural(Math.floor(s / 86400), "day");
}

const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Writes `row` into the elements bound to it: within a list's row its own, on the page those outside all rows. */
function fill(root, row) {
  const scope = root.closest("[data-key]");
  for (const e of [root, ...root.querySelectorAll("[data-t],[data-if],[data-when],[data-a]")]) {
    if (e.closest("[data-key]") !== scope) continue;
    const { t, if: shown, when, a } = e.dataset;
    if (t in row) say(e, row[t]);
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
      if (attribute !== "href" || row[name].startsWith("/attempts/")) e.setAttribute(attribute, row[name]);
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
  for (const e of document.querySelectorAll("article[data-key]")) if (e.dataset.key === row.key) fill(e, row);
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
  if (lost || Date.now() - heard < SILENT_AFTER || !listOf("coins")) return;
  lost = true;
  const was = document.querySelector('[data-t="word"]').textContent;
  const since = utc(iso(heard + skew));
  body.dataset.state = "blind";
  document.title = "Blind · piñata";
  const row = {
    word: "Blind",
    sentence: "This page has lost its server, so it claims nothing about now. It keeps trying.",
    asOf: `Everything below is as of ${since}.`,
    problem: "",
    picture: "The donkey piñata cannot be seen: it is in thick fog.",
    sinceLabel: "Blind since",
    sinceAt: iso(heard + skew),
  };
  if (was !== "Blind") row.last = `Last known: ${was.toUpperCase()} as of ${since}.`;
  fill(body, row);
}

function connect(after) {
  const events = new EventSource(`/events?after=${encodeURIComponent(after)}`);
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
