"use strict";
// Groups, the episodes of one task that are compared with each other, and how episodes and groups find each other.

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

// What the K by credit of a message is made of: its credit, and mean and spread of those of its policy's messages in the
// group. Null where that is not what its K is: where members are missing here, or K is cut off or scaled otherwise.
function creditOf(episode, message) {
  const group = groupOf(episode), row = advantagesOf(episode).get(message.index);
  if (!row || group?.creditPart !== "CREDIT") return null;
  group.credits ??= creditsOf(group);
  const author = episode.agents.find((agent) => agent.id === message.agent), own = group.credits?.of.get(policyOf(author));
  if (!own) return null;
  const credit = group.credits.owen ? message.credit : author.credit, mean = meanOf(own.values), spread = spreadOf(own.values);
  if (spread < 1e-12) return null;
  const undivided = Math.abs(credit - mean) > 1e-9 && Math.abs(credit - mean - row[1]) < 1e-9;
  if (!undivided && Math.abs((credit - mean) / spread - row[1]) > 1e-3 * Math.max(1, Math.abs(row[1]))) return null;
  return { credit, mean, spread, undivided, k: row[1], owen: group.credits.owen, authors: own.authors.size };
}

const policyOf = (agent) => agent?.policy ?? agent?.id;
function creditsOf(group) {
  const members = group.episodes.map(([id]) => episodeById(id, group.step));
  if (members.some((member) => !member?.agents)) return null;
  const owen = members.every((member) => member.owen), of = new Map();
  for (const member of members) {
    for (const message of scored(member)) {
      const author = member.agents.find((agent) => agent.id === message.agent), policy = policyOf(author);
      if (!author) continue;
      if (!of.has(policy)) of.set(policy, { values: [], authors: new Set() });
      of.get(policy).values.push(owen ? message.credit : author.credit);
      of.get(policy).authors.add(author.id);
    }
  }
  return { owen, of };
}

function groupTable(groups) {
  const head = ["Group", ["Episodes", "number"], ["Missing", "number"], ["Mean score", "number"], ["Spread", "number"], ["Share of X", "number"], "X from", ["Share of K", "number"], "K from", ["Reliability of K", "number"]];
  return foldable(groups, (shown) => table(head, shown.map((group) => h("tr", {},
    h("th", { scope: "row" }, group.error ? shortName(group.id) : h("a", { href: groupAddress(group) }, shortName(group.id)), severalSteps() && small(`step ${group.step}`)),
    group.error ? h("td", { colspan: head.length - 1 }, visible(group.error.message)) : groupCells(group))), { label: "Groups" }));
}

function groupCells(group) {
  return [cell(figure(group.used, whole), "number"), cell(figure(group.missing.length, whole), "number"), cell(figure(group.mean), "number"), cell(figure(group.std), "number"),
    cell(figure(1 - group.weight, percent), "number"), cell(group.outcomePart.toLowerCase()), cell(figure(group.weight, percent), "number"), cell(group.creditPart.toLowerCase()),
    cell(hasCreditPart(group) ? figure(group.reliability, percent) : "–", "number")];
}

function groupsPage() {
  const page = h("div", { class: "page" }, h("h1", {}, "Groups"), h("p", { class: "lead" }, "A group is the episodes of one task that are compared with each other: that is what advantages are, and what is trained on."));
  const groups = [...data.groups].sort((a, b) => (b.std || 0) - (a.std || 0));
  page.append(data.groups.length ? card("The groups, those whose scores differ most first", "Spread is the standard deviation of a group's scores. An advantage is X and K, each times its share. Reliability: how much of the differences in K is no noise.", groupTable(groups)) : empty("No episode of this file belongs to a group: give each Episode the group of its task."));
  return page;
}

const WORTH = "Worth in the teams of all episodes";
function groupPage(group) {
  const page = h("div", { class: "page" }, h("h1", {}, name(group.id), severalSteps() && small(`step ${group.step}`)));
  if (group.error) {
    page.append(card("This group has no advantages", null, h("p", {}, `Code ${group.error.code}: ${visible(group.error.message)}`)));
    return page;
  }
  const members = group.episodes.map(([id, against, messages, values]) => ({ id, against, rows: messages, values, episode: episodeById(id, group.step) })).sort((a, b) => b.against - a.against);
  const known = members.find((member) => member.episode?.prompt)?.episode, nothing = { id: null, step: group.step, messages: [] };
  page.append(h("p", { class: "lead" }, `A group of ${count(group.used, "episode")} of one task`, known?.task && [", ", shortName(known.task)], ": mean score ", figure(group.mean), ", spread ", figure(group.std), ". ",
    group.missing.length > 0 && `${count(group.missing.length, "episode")} could not be scored. `, group.std === 0 && "All episodes got the same score. ", trainedOn(group)));
  if (known) page.append(h("details", { class: "card task", open: known.prompt.length < 600 }, h("summary", {}, "The task"), h("div", { class: "text", dir: "auto" }, longText(known.prompt))));
  page.append(card("The episodes side by side", `${madeOf(group, "An advantage")} Against the mean: the score less the group's mean, in units of the group's spread unless scaling is off. X of an agent is the same for all of its messages. X, K and advantages have no unit.`, memberTable(members)));
  if (group.teams) page.append(teamsCard(group, members));
  const peers = group.pairs.filter((pair) => pair.kind === "PEER"), others = group.pairs.filter((pair) => pair.kind !== "PEER");
  if (peers.length) page.append(pairList("Pairs between peers", "The same author in two episodes: the messages that are worth more in the teams of all episodes over those that are worth less. The percentage is how sure it is that the chosen side is worth more. " + PAIRS_APART, peers, nothing));
  if (others.length) page.append(pairList("Pairs between episodes", `Where two episodes of the group part, the better over the worse. The percentage is how sure it is that they part there. ${PAIRS_APART}`, others, nothing));
  return page;
}

function memberTable(members) {
  const agents = new Map(members.flatMap(({ episode }) => (episode ? episode.agents.map((agent) => [agent.id, agent]) : [])));
  const outcomes = (member) => {
    const authors = new Map((member.episode?.messages || []).map((message) => [message.index, message.agent]));
    return new Map(member.rows.map((row) => [authors.get(row[0]), row[3]]));
  };
  return table(["Episode", ["Score", "number"], ["Against the mean", "number"], ...[...agents.values()].map((agent) => [["X of ", agentName(agent, 14)], "number"]), "Highest advantage", "Lowest advantage"],
    members.map((member) => {
      const x = outcomes(member), { episode } = member;
      return h("tr", {}, h("th", { scope: "row" }, episode ? marked(verdictMark(episode), h("a", { href: addressOf(episode) }, shortName(distinct(member.id), 24))) : shortName(member.id, 24)),
        cell(episode ? figure(episode.score) : "–", "number"), cell(figure(member.against, signed), `number ${tone(member.against)}`),
        [...agents.keys()].map((agent) => cell(x.has(agent) ? figure(x.get(agent), signed) : "–", `number ${tone(x.get(agent) ?? 0)}`)),
        cell(extreme(member, 1), "said"), cell(extreme(member, -1), "said"));
    }), { class: "members", label: "Episodes of the group" });
}

// The message with the highest (sign 1) or lowest (sign -1) advantage; nothing where all have the same.
function extreme(member, sign) {
  const values = member.rows.map((row) => row[2]);
  if (!values.length || (values.length > 1 && Math.max(...values) - Math.min(...values) < 1e-12)) return h("span", { class: "soft" }, values.length ? "all alike" : "–");
  const row = member.rows.reduce((best, next) => (sign * (next[2] - best[2]) > 0 ? next : best));
  const message = member.episode?.messages.find((candidate) => candidate.index === row[0]);
  const alike = values.filter((value) => Math.abs(value - row[2]) < 1e-9).length - 1;
  return [h("b", { class: tone(row[2]) }, figure(row[2], signed)), ` message ${row[0]}`, message && [", ", shortName(message.agent, 18)], message?.text && h("span", { class: "quote", dir: "auto" }, ` ${visible(message.text.slice(0, 90))}${message.text.length > 90 ? "…" : ""}`), alike > 0 && h("span", { class: "soft" }, ` and ${alike} alike`)];
}

const teamsHow = ({ teams }) => (teams.questions ? `${count(teams.questions, "team")} graded by ${visible(teams.evaluator)}` : "ballots counted");

// What each author's messages are worth in teams put together from all episodes of the group.
function teamsCard(group, members) {
  const told = members.filter((member) => member.values?.length);
  if (group.teams.error || !told.length) return card(WORTH, null, h("p", {}, "No teams were put together from the episodes", group.teams.error && `: ${visible(group.teams.error)}`, "."));
  const agents = [...new Set(told.flatMap((member) => member.values.map(([agent]) => agent)))];
  return card(WORTH, `Mean value of the teams that take an author's messages from the episode of the row and everybody else's from it or one of ${count(group.teams.siblings, "other episode")} (${teamsHow(group)}).`,
    table(["Episode", ...agents.map((agent) => [shortName(agent, 18), "number"])], told.map((member) => {
      const values = new Map(member.values.map(([agent, value]) => [agent, value]));
      return h("tr", {}, h("th", { scope: "row" }, member.episode ? h("a", { href: addressOf(member.episode) }, shortName(member.id, 30)) : shortName(member.id, 30)), agents.map((agent) => cell(figure(values.get(agent)), "number")));
    }), { label: `${WORTH}, one by one` }));
}
