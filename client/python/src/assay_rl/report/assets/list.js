"use strict";
// The list of episodes: search, filters, order.

const state = { shown: [], all: true, list: null, current: null, prefix: "" };

const SORTS = {
  order: ["In order of the file", null],
  worst: ["Lowest score first", (a, b) => (a.score ?? -Infinity) - (b.score ?? -Infinity)],
  sure: ["Surest first error first", (a, b) => (b.first?.index == null ? 0 : b.first.probability) - (a.first?.index == null ? 0 : a.first.probability)],
  sabotage: ["Lowest credit first", (a, b) => lowestCredit(a) - lowestCredit(b)],
  longest: ["Longest first", (a, b) => b.messages.length - a.messages.length],
  costly: ["Most questions first", (a, b) => (b.effort?.questions || 0) - (a.effort?.questions || 0)],
};
// Blame by reward alone is no credit: nobody asked what the team would have got without the agent.
const lowestCredit = (episode) => (onlyOutcome(episode) ? 0 : Math.min(0, ...episode.agents.map((agent) => agent.credit)));

function haystack(episode) {
  episode.search ??= [episode.id, episode.prompt || "", ...episode.agents.map((agent) => `${agent.id} ${agent.role}`), ...episode.messages.map((message) => message.text || "")].join("\n").toLowerCase();
  return episode.search;
}

function matches(episode, wanted) {
  if (wanted.outcome === "success" && !(episode.success === true)) return false;
  if (wanted.outcome === "failure" && !(episode.success === false)) return false;
  if (wanted.outcome === "error" && !episode.error) return false;
  if (wanted.outcome === "differs" && (episode.error || !differs(episode))) return false;
  if (wanted.outcome === "claimed" && (episode.first?.index ?? null) === null) return false;
  if (wanted.label && !episode.messages.some((message) => message.label === wanted.label)) return false;
  if (wanted.step !== "" && String(episode.step) !== wanted.step) return false;
  if (wanted.agent && !episode.agents.some((agent) => agent.id === wanted.agent)) return false;
  return !wanted.words.length || wanted.words.every((word) => haystack(episode).includes(word));
}

function apply() {
  const wanted = { outcome: find("outcome").value, label: find("label").value, agent: find("agent").value, step: find("step").value, words: find("search").value.toLowerCase().split(/\s+/).filter(Boolean) };
  const order = SORTS[find("sort").value][1];
  state.shown = data.episodes.filter((episode) => matches(episode, wanted));
  if (order) state.shown.sort(order);
  const all = state.shown.length === data.episodes.length;
  find("count").textContent = all ? count(data.episodes.length, "episode") : `${whole(state.shown.length)} of ${count(data.episodes.length, "episode")}`;
  state.all = all;
  find("clear").hidden = all && find("sort").value === "order";
  state.list?.stop();
  const list = find("list");
  list.replaceChildren();
  if (!state.shown.length) list.append(h("li", { class: "empty" }, "No episode matches."));
  state.list = lazily(list, state.shown, row, 60);
  mark();
}

// What all ids begin with tells none of them apart.
function distinct(id) {
  return state.prefix && id.startsWith(state.prefix) && id.length > state.prefix.length ? `…${id.slice(state.prefix.length)}` : id;
}

function commonPrefix(ids) {
  if (ids.length < 2) return 0;
  let length = ids[0].length;
  for (const id of ids) {
    let k = 0;
    while (k < length && id[k] === ids[0][k]) k += 1;
    length = k;
  }
  // Cut where a word ends, and only where the ids are long.
  const cut = Math.max(...["/", "-", "_", ":", ".", " "].map((mark) => ids[0].lastIndexOf(mark, length - 1))) + 1;
  return cut > 8 && Math.max(...ids.map((id) => id.length)) > 36 ? cut : 0;
}

function verdictMark(episode) {
  const [mark, word, kind] = episode.error ? ["!", "not scored", "none"] : episode.success ? ["✓", "success", "good"] : ["✕", "failure", "bad"];
  return h("span", { class: `verdict-mark ${kind}`, role: "img", "aria-label": word }, mark);
}

function row(episode) {
  const first = episode.first?.index ?? null;
  const author = first === null ? null : episode.messages.find((message) => message.index === first)?.agent;
  return h("li", {}, h("a", { href: addressOf(episode), "data-number": episode.number, "aria-current": episode.number === state.current && "page" },
    verdictMark(episode),
    h("span", { class: "title", title: visible(episode.id).slice(0, 500) }, shortName(distinct(episode.id), 36), severalSteps() && small(`step ${episode.step}`)),
    h("span", { class: "score" }, episode.error ? "" : plain(episode.score, 2)),
    h("span", { class: "about" }, first === null ? `${count(episode.agents.length, "agent")}, ${count(episode.messages.length, "message")}` : [`first error: message ${first}, `, shortName(author ?? "", 24)])));
}

const DRAWN_AT_MOST = 2000; // rows drawn only to show one

// The episode that is read stands out in the list, which is drawn as far as it where that is not too far.
function mark() {
  const position = state.current === null ? -1 : state.shown.findIndex((episode) => episode.number === state.current);
  if (position >= 0 && position < DRAWN_AT_MOST) state.list.upTo(position);
  for (const link of document.querySelectorAll("#list a")) {
    const current = state.current !== null && Number(link.dataset.number) === state.current;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (current) intoView(link);
  }
}

// Within the list alone: the page stays where it is.
function intoView(link) {
  const side = find("list").parentElement, top = link.offsetTop - side.querySelector(".filters").offsetHeight;
  if (top < side.scrollTop || link.offsetTop + link.offsetHeight > side.scrollTop + side.clientHeight) side.scrollTop = top - side.clientHeight / 3;
}

function go(step) {
  const position = state.shown.findIndex((episode) => episode.number === state.current);
  const next = state.shown[position < 0 ? 0 : Math.max(0, Math.min(state.shown.length - 1, position + step))];
  if (!next) return;
  state.list.upTo(state.shown.indexOf(next));
  document.querySelector(`#list a[data-number="${next.number}"]`)?.scrollIntoView({ block: "nearest" });
  visit(addressOf(next));
}

function choices(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => h("option", { value }, visible(text))));
}

function fillFilters() {
  choices(find("outcome"), [["", "Any outcome"], ["success", "Successes"], ["failure", "Failures"], ["claimed", "First error claimed"], ["differs", "Off the team's value"], ["error", "Without signals"]]);
  const labels = new Set(data.episodes.flatMap((episode) => episode.messages.map((message) => message.label)).filter(Boolean));
  choices(find("label"), [["", "Any label"], ...Object.keys(LABELS).filter((label) => labels.has(label)).map((label) => [label, LABELS[label][1]])]);
  const agents = new Map();
  for (const episode of data.episodes) for (const agent of episode.agents) agents.set(agent.id, (agents.get(agent.id) || 0) + 1);
  choices(find("agent"), [["", "Any agent"], ...[...agents].sort((a, b) => b[1] - a[1]).slice(0, 200).map(([id, number]) => [id, `${short(id)} (${number})`])]);
  const steps = [...new Set(data.episodes.map((episode) => episode.step))].sort((a, b) => a - b);
  choices(find("step"), [["", "Any step"], ...steps.map((step) => [String(step), `Step ${step}`])]);
  find("step-row").hidden = !severalSteps();
  choices(find("sort"), Object.entries(SORTS).map(([value, [text]]) => [value, text]));
  const ids = data.episodes.map((episode) => episode.id);
  state.prefix = ids.length ? ids[0].slice(0, commonPrefix(ids)) : "";
}

const FILTERS = ["search", "outcome", "label", "agent", "step", "sort"];

function startFilters(changed) {
  let waiting = 0;
  find("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 120); });
  for (const id of FILTERS.slice(1)) find(id).addEventListener("change", changed);
  find("clear").addEventListener("click", () => {
    for (const id of FILTERS) find(id).value = id === "sort" ? "order" : "";
    changed();
  });
}
