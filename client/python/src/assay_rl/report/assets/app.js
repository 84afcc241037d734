"use strict";

const main = find("main");

// The browser tells of a new address in its own time, and a key pressed until then would start from the page before.
function visit(address) {
  location.hash = address;
  follow();
}

function follow() {
  if (document.body.dataset.address !== location.hash) show();
}

// The views by the first part of the address; each gives its page, and what the title says of it.
const VIEWS = {
  "": ["overview", () => [overview(state.shown, state.all)]],
  course: ["course", () => (data.course ? [coursePage()] : null)],
  groups: ["groups", () => [groupsPage()]],
  episodes: ["episodes", () => [episodesPage(state.shown)]],
  g: ["groups", (id, step) => groupFound(places.groups.get(placeKey(id, stepOf(step, data.groups))))],
  t: ["groups", (number) => groupFound(data.groups[Number(number)])],
  e: ["episode", (id, step) => episodeFound(episodeById(id, stepOf(step, data.episodes)))],
  n: ["episode", (number) => episodeFound(data.episodes[Number(number)])],
};

// A link without a step is of a report of one step, or of the first that has the id.
function stepOf(step, all) {
  return step !== undefined && severalSteps() ? Number(step) : all[0]?.step;
}
const groupFound = (group) => group && [groupPage(group), group.id];
const episodeFound = (episode) => episode && [episodePage(episode, state.shown.indexOf(episode), state.shown.length), episode.id, episode.number];

function viewed() {
  const [, key, ...rest] = (location.hash || "#/").split("/");
  const [name, make] = VIEWS[key] || VIEWS[""];
  let parts;
  try {
    parts = rest.map(decodeURIComponent);
  } catch {
    parts = rest;
  }
  const made = make(...parts);
  return made ? [name, ...made] : ["overview", lost(parts[0])];
}

const lost = (id) => h("div", { class: "page" }, h("h1", {}, "Not in this report"), h("p", {}, name(id ?? ""), " is not among what this page holds. ", data.left > 0 && "It may be one of those that were left out for its size; --sample and --max-size say how many are kept."), h("p", {}, h("a", { href: "#/" }, "To the overview")));

function show() {
  document.body.dataset.address = location.hash;
  state.current = null;
  const [view, node, title, number] = viewed();
  state.current = number ?? null;
  document.body.dataset.view = view;
  main.replaceChildren(node);
  for (const link of document.querySelectorAll(".views a")) {
    if (link.dataset.view === (view === "episode" ? "episodes" : view)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = title === undefined ? visible(data.title) : `${visible(title)} · ${visible(data.title)}`;
  mark();
  window.scrollTo(0, 0);
  main.scrollTop = 0;
}

function help() {
  const dialog = find("help");
  const term = (word, text) => [h("dt", {}, word), h("dd", {}, text)];
  dialog.replaceChildren(
    h("form", { method: "dialog", class: "close" }, h("button", {}, "Close")),
    h("h2", { id: "help-title", tabindex: "-1", autofocus: true }, "How to read this"),
    h("p", {}, "A team of agents worked on a task and got a score. This report shares the score out: first over the agents, then over their messages."),
    h("dl", {},
      term("Task, episode, group", "A task is what was asked. An episode is one attempt of the team at it. A group is the episodes of one task that are compared with each other."),
      term("Run, step", "A run is a whole training run; its steps are those of the trainer, each with episodes of its own."),
      term("Value", "The score the team would have got with only some of its members. “Nobody” is the baseline."),
      term("Credit", "What an agent added, averaged over all orders in which the team could have formed (its Shapley value). Negative: the team was better without it. All credits sum to the team's value less the baseline."),
      term("Interval", "Credit is exact when every combination of agents was evaluated. Otherwise it is an estimate, and the interval says how sure it is."),
      term("Share of the outcome", "Where nobody was asked what other teams would have got there is no credit. What agents then have is the sum of their messages' rewards, and it is never shown as credit."),
      term("Advantage", "What a trainer puts on a message's tokens, from comparing the episodes of a group. It is X and K, each times its share: X, how the episode (or its author's part in it) did against the others, and K, which compares an author's messages with each other, in this episode and the others: by the change of the value, by a judge, or by credit. By credit a wrong answer that did less harm than its author's other answers of the group stands above 0, and a right answer that added less than its author's other answers of the group stands below 0. Pairs for preference training do not follow advantages."),
      term("Reward", "A message's share. In a success, an agent's messages share its credit. In a failure they follow what is known of each message, and the rest of the shortfall is shared, most of it where it went wrong. Sums are kept to the last digit."),
      term("Outcome and value", "The outcome is the score of the episode; the value of the whole team is what the evaluator gives it. Credit shares out the value. Where the two differ the difference is shown and is nobody's."),
      term("First error", "The earliest message after which success was no longer likely. Claimed only when there is evidence and it is likely enough."),
      term("Hurt and sabotage", "Hurt: of all episodes of a role with credit, those in which its credit is below zero. Sabotage: the same count, of those in which its credit is not zero. Mattered: of all, those in which it is not zero. None of them tells of intent: who errs honestly hurts too."),
      term("Difference", "Always the second minus the first: step 59 − step 0, or the other run − this one. Above zero, the second has more."),
      term("Unallocated", "Credit that no message could take, such as that of an agent who never spoke. It is listed, never lost."),
      Object.values(LABELS).map(([icon, word, text]) => term(`${icon} ${word}`, text))),
    h("h3", {}, "Keys"),
    h("p", { class: "keys" }, [["j / k", "next, previous episode"], ["/", "search"], ["o", "overview"], ["g", "groups"], ["c", "over time"], ["t", "light or dark"], ["?", "this help"], ["Esc", "leave the search"]].map(([key, text]) => [h("kbd", {}, key), ` ${text}  `])));
  dialog.showModal();
  dialog.scrollTop = 0;
}

function theme(flip) {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (flip) document.documentElement.dataset.theme = dark ? "light" : "dark";
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing) return;
  const actions = { j: () => go(1), k: () => go(-1), "/": () => find("search").focus(), o: () => visit("#/"), g: () => visit("#/groups"), c: () => data.course && visit("#/course"), "?": help, t: () => theme(true) };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

// Everything that follows from the data; again when it is replaced.
function take() {
  findPlaces();
  findColors();
  const kept = FILTERS.map((id) => [id, find(id).value]);
  fillFilters();
  for (const [id, value] of kept) if (value && [...(find(id).options || [{ value }])].some((option) => option.value === value)) find(id).value = value;
  document.querySelector('.views [data-view="course"]').hidden = !data.course;
  document.querySelector('.views [data-view="groups"]').hidden = !data.groups.length;
  apply();
}

// What can be folded, by the card it stands in and what it is called.
const folds = () => [...main.querySelectorAll("details")].map((fold) => [`${fold.closest(".card")?.querySelector("h2")?.textContent} ${fold.querySelector("summary").textContent}`, fold]);

// A page that is served asks for newer data. What the reader has open, chosen and scrolled to stays.
async function ask() {
  const known = document.documentElement.dataset.version || "";
  try {
    const answer = await fetch(`data?after=${encodeURIComponent(known)}`, { cache: "no-store" });
    if (answer.status === 200) {
      const newer = await answer.json();
      document.documentElement.dataset.version = answer.headers.get("X-Assay-Version") || "";
      data = newer;
      const at = [window.scrollY, find("list").parentElement.scrollTop, document.activeElement?.id], open = folds().filter(([, fold]) => fold.open).map(([key]) => key);
      take();
      show();
      for (const [key, fold] of folds()) if (open.includes(key)) fold.open = true;
      window.scrollTo(0, at[0]);
      find("list").parentElement.scrollTop = at[1];
      find(at[2] || "main")?.focus({ preventScroll: true });
    }
    find("live").textContent = "live";
  } catch {
    find("live").textContent = "whoever served this page is gone; this is its last state";
  }
  setTimeout(ask, 2000);
}

function start() {
  find("home").textContent = "Assay";
  take();
  startFilters(() => { apply(); if (state.current === null) show(); });
  find("sort").value = "order";
  find("help-open").addEventListener("click", help);
  find("theme").addEventListener("click", () => theme(true));
  document.addEventListener("keydown", keys);
  // In a frame without an address of its own a bare fragment would lead to the page around it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#/"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    visit(link.getAttribute("href"));
  });
  window.addEventListener("hashchange", follow);
  if (!location.hash && data.course) history.replaceState(null, "", "#/course");
  show();
  document.documentElement.dataset.ready = "true";
  if (data.live) {
    find("live").hidden = false;
    document.documentElement.dataset.version = data.live;
    setTimeout(ask, 2000);
  }
}

start();
