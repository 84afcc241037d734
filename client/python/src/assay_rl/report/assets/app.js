"use strict";

const find = (id) => document.getElementById(id);
const main = find("main");
const state = { shown: [], list: null, current: null };

const SORTS = {
  order: ["In file order", null],
  worst: ["Lowest score first", (a, b) => (a.score ?? -Infinity) - (b.score ?? -Infinity)],
  sure: ["Surest first error first", (a, b) => (b.first?.index == null ? 0 : b.first.probability) - (a.first?.index == null ? 0 : a.first.probability)],
  sabotage: ["Strongest sabotage first", (a, b) => lowestCredit(a) - lowestCredit(b)],
  longest: ["Longest first", (a, b) => b.messages.length - a.messages.length],
  costly: ["Most questions first", (a, b) => (b.effort?.questions || 0) - (a.effort?.questions || 0)],
};
// Blame by reward alone is no sabotage: nobody asked what the team would have got without the agent.
const lowestCredit = (episode) => (onlyOutcome(episode) ? 0 : Math.min(0, ...episode.agents.map((agent) => agent.credit)));

function haystack(episode) {
  episode.search ??= [episode.id, episode.prompt || "", ...episode.agents.map((agent) => `${agent.id} ${agent.role}`), ...episode.messages.map((message) => message.text || "")].join("\n").toLowerCase();
  return episode.search;
}

function matches(episode, wanted) {
  if (wanted.outcome === "success" && !(episode.success === true)) return false;
  if (wanted.outcome === "failure" && !(episode.success === false)) return false;
  if (wanted.outcome === "error" && !episode.error) return false;
  if (wanted.outcome === "claimed" && (episode.first?.index ?? null) === null) return false;
  if (wanted.label && !episode.messages.some((message) => message.label === wanted.label)) return false;
  if (wanted.agent && !episode.agents.some((agent) => agent.id === wanted.agent)) return false;
  return !wanted.words.length || wanted.words.every((word) => haystack(episode).includes(word));
}

function apply() {
  const wanted = { outcome: find("outcome").value, label: find("label").value, agent: find("agent").value, words: find("search").value.toLowerCase().split(/\s+/).filter(Boolean) };
  const order = SORTS[find("sort").value][1];
  state.shown = data.episodes.filter((episode) => matches(episode, wanted));
  if (order) state.shown.sort(order);
  const all = state.shown.length === data.episodes.length;
  find("count").textContent = all ? count(data.episodes.length, "episode") : `${state.shown.length.toLocaleString("en")} of ${count(data.episodes.length, "episode")}`;
  find("clear").hidden = all && find("sort").value === "order";
  state.list?.stop();
  const list = find("list");
  list.replaceChildren();
  if (!state.shown.length) list.append(h("li", { class: "empty" }, "No episode matches."));
  state.list = lazily(list, state.shown, row, 60);
  mark();
}

function row(episode) {
  const verdict = episode.error ? ["!", "not scored", "none"] : episode.success ? ["✓", "success", "good"] : ["✕", "failure", "bad"];
  const first = episode.first?.index ?? null;
  const author = first === null ? null : episode.messages.find((message) => message.index === first)?.agent;
  return h("li", {}, h("a", { href: `#/e/${episode.number}`, "data-number": episode.number },
    h("span", { class: `verdict-mark ${verdict[2]}`, role: "img", "aria-label": verdict[1] }, verdict[0]),
    h("span", { class: "title" }, name(episode.id)),
    h("span", { class: "score" }, episode.error ? "" : plain(episode.score, 2)),
    h("span", { class: "about" }, first === null ? `${count(episode.agents.length, "agent")}, ${count(episode.messages.length, "message")}` : [`✕ message ${first}: `, name(author ?? "")])));
}

function mark() {
  for (const link of document.querySelectorAll("#list a")) {
    const current = state.current !== null && Number(link.dataset.number) === state.current;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// The browser tells of a new address in its own time, and a key pressed until then would start from the page before.
function visit(address) {
  location.hash = address;
  follow();
}

function follow() {
  if (document.body.dataset.address !== location.hash) show();
}

function show() {
  document.body.dataset.address = location.hash;
  const [, view, number] = (location.hash || "#/").split("/");
  const episode = view === "e" ? data.episodes[Number(number)] : null;
  state.current = episode ? episode.number : null;
  document.body.dataset.view = episode ? "episode" : view === "episodes" ? "episodes" : "overview";
  if (episode) main.replaceChildren(episodePage(episode, state.shown.indexOf(episode), state.shown.length));
  else main.replaceChildren(overview(state.shown));
  for (const link of document.querySelectorAll(".views a")) {
    if (link.dataset.view === (episode ? "episodes" : document.body.dataset.view)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = episode ? `${visible(episode.id)} · ${visible(data.title)}` : visible(data.title);
  mark();
  window.scrollTo(0, 0);
  main.scrollTop = 0;
}

function go(step) {
  const position = state.shown.findIndex((episode) => episode.number === state.current);
  const next = state.shown[position < 0 ? 0 : Math.max(0, Math.min(state.shown.length - 1, position + step))];
  if (!next) return;
  state.list.upTo(state.shown.indexOf(next));
  document.querySelector(`#list a[data-number="${next.number}"]`)?.scrollIntoView({ block: "nearest" });
  visit(`#/e/${next.number}`);
}

function choices(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => h("option", { value }, visible(text))));
}

function help() {
  const dialog = find("help");
  const term = (word, text) => [h("dt", {}, word), h("dd", {}, text)];
  dialog.replaceChildren(
    h("h2", { id: "help-title" }, "How to read this"),
    h("p", {}, "A team of agents worked on a task and got a score. This report shares the score out: first over the agents, then over their messages."),
    h("dl", {},
      term("Value", "The score the team would have got with only some of its members. “Nobody” is the baseline."),
      term("Credit", "What an agent added, averaged over all orders in which the team could have formed (its Shapley value). Negative: the team was better without it. All credits sum to the team's value less the baseline."),
      term("Interval", "Credit is exact when every combination of agents was evaluated. Otherwise it is an estimate, and the interval says how sure it is."),
      term("Reward", "A message's share. In a success, an agent's messages share its credit. In a failure, all messages share the shortfall, most of it where it went wrong. Sums are kept to the last digit."),
      term("First error", "The earliest message after which success was no longer likely. Claimed only when there is evidence and it is likely enough."),
      term("Not placed", "Credit that no message could take, such as that of an agent who never spoke. It is listed, never lost."),
      Object.values(LABELS).map(([icon, word, text]) => term(`${icon} ${word}`, text))),
    h("h3", {}, "Keys"),
    h("p", { class: "keys" }, [["j / k", "next, previous episode"], ["/", "search"], ["o", "overview"], ["t", "light or dark"], ["?", "this help"], ["Esc", "leave the search"]].map(([key, text]) => [h("kbd", {}, key), ` ${text}  `])),
    h("form", { method: "dialog" }, h("button", { autofocus: true }, "Close")));
  dialog.showModal();
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
  const actions = { j: () => go(1), k: () => go(-1), "/": () => find("search").focus(), o: () => visit("#/"), "?": help, t: () => theme(true) };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

function start() {
  data.episodes.forEach((episode, number) => { episode.number = number; });
  find("home").textContent = "Assay";
  choices(find("outcome"), [["", "Any outcome"], ["success", "Successes"], ["failure", "Failures"], ["claimed", "First error claimed"], ["error", "Without signals"]]);
  const labels = new Set(data.episodes.flatMap((episode) => episode.messages.map((message) => message.label)).filter(Boolean));
  choices(find("label"), [["", "Any label"], ...Object.keys(LABELS).filter((label) => labels.has(label)).map((label) => [label, LABELS[label][1]])]);
  const agents = new Map();
  for (const episode of data.episodes) for (const agent of episode.agents) agents.set(agent.id, (agents.get(agent.id) || 0) + 1);
  choices(find("agent"), [["", "Any agent"], ...[...agents].sort((a, b) => b[1] - a[1]).slice(0, 200).map(([id, number]) => [id, `${id.slice(0, 40)} (${number})`])]);
  choices(find("sort"), Object.entries(SORTS).map(([value, [text]]) => [value, text]));
  let waiting = 0;
  const changed = () => { apply(); if (state.current === null) show(); };
  find("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 120); });
  for (const id of ["outcome", "label", "agent", "sort"]) find(id).addEventListener("change", changed);
  find("clear").addEventListener("click", () => {
    for (const id of ["search", "outcome", "label", "agent"]) find(id).value = "";
    find("sort").value = "order";
    changed();
  });
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
  apply();
  show();
  document.documentElement.dataset.ready = "true";
}

start();
