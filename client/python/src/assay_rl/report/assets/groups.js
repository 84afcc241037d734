"use strict";
// The runs of one task side by side, and how episodes and groups find each other.

const places = { episodes: new Map(), groups: new Map(), members: new Map(), advantages: new Map(), several: false };
const placeKey = (id, step) => `${step ?? ""} ${id}`;

function findPlaces() {
  for (const map of [places.episodes, places.groups, places.members, places.advantages]) map.clear();
  data.episodes.forEach((episode, number) => {
    episode.number = number;
    const key = placeKey(episode.id, episode.step);
    episode.again = places.episodes.has(key);
    if (!episode.again) places.episodes.set(key, episode);
  });
  data.groups.forEach((group, number) => {
    group.number = number;
    const key = placeKey(group.id, group.step);
    group.again = places.groups.has(key);
    if (!group.again) places.groups.set(key, group);
    for (const [id, , messages] of group.episodes || []) {
      places.members.set(placeKey(id, group.step), group);
      places.advantages.set(placeKey(id, group.step), new Map(messages.map((row) => [row[0], row])));
    }
  });
  places.several = new Set(data.episodes.map((episode) => episode.step)).size > 1;
}

const severalSteps = () => places.several;
const episodeById = (id, step) => places.episodes.get(placeKey(id, step));
const groupOf = (episode) => (episode.group && !episode.again && places.members.get(placeKey(episode.id, episode.step))) || null;
const advantagesOf = (episode) => (episode.group && !episode.again && places.advantages.get(placeKey(episode.id, episode.step))) || new Map();

// An address by id holds when the report is written again.
const byId = (view, id, step) => `#/${view}/${encodeURIComponent(id)}${severalSteps() && step !== undefined && step !== null ? `/${step}` : ""}`;
const addressOf = (episode) => (episode.again || episode.id.length > 300 || !episode.id ? `#/n/${episode.number}` : byId("e", episode.id, episode.step));
const groupAddress = (group) => (group.again || group.id.length > 300 ? `#/t/${group.number}` : byId("g", group.id, group.step));

function groupTable(groups) {
  return foldable(groups, (shown) => table(["Task", ["Runs", "number"], ["Missing", "number"], ["Mean score", "number"], ["Spread", "number"], "X", "K", ["Share of K", "number"], ["Reliability", "number"]],
    shown.map((group) => h("tr", {}, h("th", { scope: "row" }, group.error ? shortName(group.id) : h("a", { href: groupAddress(group) }, shortName(group.id)), severalSteps() && h("small", {}, `step ${group.step}`)),
      group.error ? h("td", { colspan: 8 }, visible(group.error.message)) : [cell(figure(group.used, whole), "number"), cell(figure(group.missing.length, whole), "number"), cell(figure(group.mean), "number"), cell(figure(group.std), "number"),
        cell(group.outcomePart.toLowerCase()), cell(group.creditPart.toLowerCase()), cell(figure(group.weight, percent), "number"), cell(hasCreditPart(group) ? figure(group.reliability, percent) : "–", "number")])), { label: "Tasks" }));
}

function groupsPage() {
  const page = h("div", { class: "page" }, h("h1", {}, "Tasks"), h("p", { class: "lead" }, "The runs of a task are compared with each other: that is what advantages are, and what is trained on."));
  const groups = [...data.groups].sort((a, b) => (b.std || 0) - (a.std || 0));
  page.append(data.groups.length ? card("The tasks, those whose runs differ most first", null, groupTable(groups)) : empty("No episode of this file belongs to a group: give each Episode the group of its task."));
  return page;
}

function groupPage(group) {
  const page = h("div", { class: "page" }, h("h1", {}, name(group.id), severalSteps() && h("small", {}, `step ${group.step}`)));
  if (group.error) {
    page.append(card("This group has no advantages", null, h("p", {}, `Code ${group.error.code}: ${visible(group.error.message)}`)));
    return page;
  }
  const runs = group.episodes.map(([id, standing, messages, values]) => ({ id, standing, rows: messages, values, episode: episodeById(id, group.step) })).sort((a, b) => b.standing - a.standing);
  page.append(h("p", { class: "lead" }, `${count(group.used, "run")} of one task, mean score `, figure(group.mean), ", spread ", figure(group.std), ". ", group.missing.length > 0 && `${count(group.missing.length, "run")} could not be scored. `, group.std === 0 && "All runs got the same: their outcomes tell nothing apart."));
  const prompt = runs.find((run) => run.episode?.prompt)?.episode.prompt;
  if (prompt) page.append(h("details", { class: "card task", open: prompt.length < 600 }, h("summary", {}, "The task"), h("div", { class: "text", dir: "auto" }, longText(prompt))));
  page.append(card("The runs side by side", `${madeOf(group, "An advantage")} Below: X of each agent, and the messages with the highest and the lowest advantage.`, runTable(runs)));
  if (group.teams) page.append(teamsCard(group, runs));
  const peers = group.pairs.filter((pair) => pair.kind === "PEER"), others = group.pairs.filter((pair) => pair.kind !== "PEER");
  if (peers.length) page.append(pairList("Pairs between peers", "The same author in two runs: the messages that are worth more in the teams of all runs over those that are worth less.", peers, { id: null, step: group.step, messages: [] }));
  if (others.length) page.append(pairList("Pairs between runs", "Where two runs of the task part, the better over the worse.", others, { id: null, step: group.step, messages: [] }));
  return page;
}

function runTable(runs) {
  const agents = [...new Set(runs.flatMap((run) => (run.episode ? run.episode.agents.map((agent) => agent.id) : [])))];
  const outcomes = (run) => {
    const authors = new Map((run.episode?.messages || []).map((message) => [message.index, message.agent]));
    return new Map(run.rows.map((row) => [authors.get(row[0]), row[3]]));
  };
  return table(["Run", ["Score", "number"], ["Stands at", "number"], ...agents.map((agent) => [["X of ", shortName(agent, 14)], "number"]), "Highest advantage", "Lowest advantage"],
    runs.map((run) => {
      const x = outcomes(run), { episode } = run;
      return h("tr", {}, h("th", { scope: "row" }, episode ? [h("span", { class: `verdict-mark ${episode.success ? "good" : "bad"}`, role: "img", "aria-label": episode.success ? "success" : "failure" }, episode.success ? "✓" : "✕"), " ", h("a", { href: addressOf(episode) }, shortName(distinct(run.id), 24))] : shortName(run.id, 24)),
        cell(episode ? figure(episode.score) : "–", "number"), cell(figure(run.standing, signed), `number ${tone(run.standing)}`),
        agents.map((agent) => cell(x.has(agent) ? figure(x.get(agent), signed) : "–", `number ${tone(x.get(agent) ?? 0)}`)),
        cell(extreme(run, 1), "said"), cell(extreme(run, -1), "said"));
    }), { class: "runs", label: "Runs of the task" });
}

// The message with the highest (sign 1) or lowest (sign -1) advantage; nothing where all have the same.
function extreme(run, sign) {
  const values = run.rows.map((row) => row[2]);
  if (!values.length || (values.length > 1 && Math.max(...values) - Math.min(...values) < 1e-12)) return h("span", { class: "soft" }, values.length ? "all alike" : "–");
  const row = run.rows.reduce((best, next) => (sign * (next[2] - best[2]) > 0 ? next : best));
  const message = run.episode?.messages.find((candidate) => candidate.index === row[0]);
  const alike = values.filter((value) => Math.abs(value - row[2]) < 1e-9).length - 1;
  return [h("b", { class: tone(row[2]) }, figure(row[2], signed)), ` ${row[0]} `, message && shortName(message.agent, 18), message?.text && h("span", { class: "quote", dir: "auto" }, ` ${visible(message.text.slice(0, 90))}${message.text.length > 90 ? "…" : ""}`), alike > 0 && h("span", { class: "soft" }, ` and ${alike} alike`)];
}

const teamsHow = ({ teams }) => (teams.questions ? `${count(teams.questions, "team")} graded by ${visible(teams.evaluator)}` : "ballots counted");

// What each author's messages are worth in teams put together from all runs.
function teamsCard(group, runs) {
  const told = runs.filter((run) => run.values?.length);
  if (group.teams.error || !told.length) return card("Worth in the teams of all runs", null, h("p", {}, "No teams were put together from the runs", group.teams.error && `: ${visible(group.teams.error)}`, "."));
  const agents = [...new Set(told.flatMap((run) => run.values.map(([agent]) => agent)))];
  return card("Worth in the teams of all runs", `Mean value of the teams that take an author's messages from the run of the row and everybody else's from it or one of ${count(group.teams.siblings, "other run")} (${teamsHow(group)}).`,
    table(["Run", ...agents.map((agent) => [shortName(agent, 18), "number"])], told.map((run) => {
      const values = new Map(run.values.map(([agent, value]) => [agent, value]));
      return h("tr", {}, h("th", { scope: "row" }, run.episode ? h("a", { href: addressOf(run.episode) }, shortName(run.id, 30)) : shortName(run.id, 30)), agents.map((agent) => cell(figure(values.get(agent)), "number")));
    }), { label: "Worth in the teams of all runs, run by run" }));
}
