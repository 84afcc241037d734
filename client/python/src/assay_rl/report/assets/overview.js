"use strict";

function overview(episodes) {
  const answered = episodes.filter((episode) => !episode.error);
  const page = h("div", { class: "page" },
    h("h1", {}, visible(data.title)),
    h("p", { class: "lead" }, lead(episodes, answered)));
  page.append(tiles(episodes, answered));
  if (!answered.length) {
    page.append(empty("No episode with signals matches."));
    return page;
  }
  const roles = byRole(answered);
  page.append(
    card("Who helped and who hurt", answered.every(onlyOutcome) ? "Sum of the rewards of each role's messages. Nobody was asked what other teams would have got." : "Credit of each role: its share of what the team achieved, averaged over all orders in which the team could have formed. Below zero, the team was better without it.", creditTable(roles)),
    card("Where it went wrong", "First errors by author and number of the message. Stronger: more often. Where an episode claims none, nothing is counted.", errorTable(answered)),
    h("div", { class: "columns" },
      card("What messages were", "Labels of all agents' messages.", labelBars(answered)),
      card("Evidence behind first errors", "What the claims rest on; an episode without evidence claims nothing.", tierBars(answered))),
    card("Who adds what others already gave", "Average synergy of two roles. Blue: worth more together than apart. Orange: redundant, one would do.", roleMatrix(answered, roles)),
    h("div", { class: "columns" },
      card("Do the numbers add up?", "Distance between what was to be shared and what was shared, as a fraction of the value range. At most 1e−9 is promised.", errorBars(answered)),
      card("Questions asked", "A question is: what would the outcome have been with only these agents or messages?", budget(answered))));
  if (data.groups.length) page.append(card("Groups", "Runs of one task, compared: what a trainer puts on the tokens.", groupTable()));
  return page;
}

function lead(episodes, answered) {
  const wins = answered.filter((episode) => episode.success).length;
  const texts = [`${count(episodes.length, "episode")}: ${wins.toLocaleString("en")} succeeded, ${(answered.length - wins).toLocaleString("en")} failed`];
  if (episodes.length > answered.length) texts.push(`${episodes.length - answered.length} could not be scored`);
  return `${texts.join(", ")}. Choose an episode from the list to see who helped, who hurt, where it went wrong and why the numbers add up.`;
}

function tiles(episodes, answered) {
  const wins = answered.filter((episode) => episode.success).length;
  const claimed = answered.filter((episode) => episode.first.index !== null).length;
  const worst = Math.max(0, ...answered.map(relativeError));
  const tile = (value, text, kind) => h("div", { class: "tile" }, h("b", { class: kind }, value), h("span", {}, text));
  return h("div", { class: "tiles" },
    tile(answered.length ? percent(wins / answered.length) : "–", "success rate"),
    tile(claimed.toLocaleString("en"), "first errors claimed"),
    tile(sum(answered.map((episode) => episode.effort.questions)).toLocaleString("en"), "questions asked"),
    tile(answered.length ? tiny(worst) : "–", "largest conservation error", worst <= 1e-9 ? "good" : "bad"),
    episodes.length > answered.length && tile(String(episodes.length - answered.length), "without signals", "bad"));
}

function relativeError(episode) {
  const options = optionsOf(episode);
  return episode.ledger.error / (options ? options.high - options.low : 1);
}

function byRole(answered) {
  const roles = new Map();
  for (const episode of answered) for (const agent of episode.agents) {
    if (!roles.has(agent.role)) roles.set(agent.role, { role: agent.role, credits: [], repeats: [], failures: 0 });
    const entry = roles.get(agent.role);
    entry.credits.push(standing(episode, agent));
    if (!episode.success) entry.failures += agent.total < -1e-9 ? 1 : 0;
  }
  for (const episode of answered) {
    const roleOf = new Map(episode.agents.map((agent) => [agent.id, agent.role]));
    for (const message of scored(episode)) roles.get(roleOf.get(message.agent))?.repeats.push(message.rho);
  }
  return [...roles.values()].sort((a, b) => b.credits.length - a.credits.length || sum(b.credits) / b.credits.length - sum(a.credits) / a.credits.length);
}

const SHOWN_ROLES = 12;
function foldable(rows, build) {
  const place = h("div", {}, build(rows.slice(0, SHOWN_ROLES)));
  if (rows.length > SHOWN_ROLES) {
    const button = h("button", { type: "button", class: "link", on: { click: () => place.replaceChildren(build(rows)) } }, `Show all ${rows.length}`);
    place.append(button);
  }
  return place;
}

function creditTable(roles) {
  const low = Math.min(0, ...roles.flatMap((entry) => entry.credits)), high = Math.max(0, ...roles.flatMap((entry) => entry.credits));
  return foldable(roles, (shown) => table(["Role", "Distribution of credit", ["Mean", "number"], ["Hurt in", "number"], ["Mattered in", "number"], ["Repeats", "number"], ["Episodes", "number"]],
    shown.map((entry) => {
      const { credits, repeats } = entry;
      const mean = sum(credits) / credits.length;
      const hurt = credits.filter((credit) => credit < -1e-9).length / credits.length;
      const mattered = credits.filter((credit) => Math.abs(credit) > 1e-9).length / credits.length;
      return h("tr", {}, h("th", { scope: "row" }, name(entry.role)), cell(box(credits, low, high), "wide"), cell(signed(mean), `number ${tone(mean)}`),
        cell(percent(hurt), "number"), cell(percent(mattered), "number"), cell(repeats.length ? percent(sum(repeats) / repeats.length) : "–", "number"), cell(credits.length.toLocaleString("en"), "number"));
    }), { class: "roles", label: "Credit by role" }));
}

function errorTable(answered) {
  const rows = new Map();
  let last = 0;
  for (const episode of answered) {
    if (episode.first.index === null) continue;
    const message = episode.messages.find((candidate) => candidate.index === episode.first.index);
    if (!message) continue;
    const role = episode.agents.find((agent) => agent.id === message.agent)?.role || message.agent;
    const position = Math.min(episode.first.index, 15);
    last = Math.max(last, position);
    if (!rows.has(role)) rows.set(role, []);
    rows.get(role)[position] = (rows.get(role)[position] || 0) + 1;
  }
  if (!rows.size) return empty("No first error is claimed: no episode came with evidence about single messages (annotations, process scores or rollouts). Without evidence nothing is claimed.");
  const most = Math.max(...[...rows.values()].flat().filter(Boolean));
  const sorted = [...rows].sort((a, b) => sum(b[1].filter(Boolean)) - sum(a[1].filter(Boolean)));
  const positions = Array.from({ length: last + 1 }, (_, index) => index);
  return foldable(sorted, (shown) => table(["Author", ...positions.map((index) => [index === 15 ? "15+" : String(index), "number"]), ["All", "number"]],
    shown.map(([role, counts]) => h("tr", {}, h("th", { scope: "row" }, name(role)),
      positions.map((index) => h("td", { class: "heat bad", style: { "--strength": `${Math.round(((counts[index] || 0) / most) * 55)}%` } }, counts[index] ? String(counts[index]) : "")),
      cell(String(sum(counts.filter(Boolean))), "number"))), { class: "matrix", label: "First errors by author and position" }));
}

function labelBars(answered) {
  const counts = {};
  for (const episode of answered) for (const message of scored(episode)) counts[message.label] = (counts[message.label] || 0) + 1;
  const kinds = { SOUND: "good", REPAIR: "good", REPAIR_ATTEMPT: "total", FIRST_ERROR: "bad", ERROR: "bad", FAILURE_ALIGNED: "bad" };
  return bars(Object.keys(LABELS).filter((label) => counts[label]).map((label) => [chip(label), counts[label], kinds[label]]), "Labels");
}

function tierBars(answered) {
  const counts = {};
  for (const episode of answered) if (!episode.success) counts[episode.first.tier] = (counts[episode.first.tier] || 0) + 1;
  const rows = Object.keys(TIERS).filter((tier) => counts[tier]).map((tier) => [TIERS[tier], counts[tier]]);
  return rows.length ? bars(rows, "Evidence of failures") : empty("No episode failed.");
}

function roleMatrix(answered, roles) {
  const names = roles.slice(0, SHOWN_ROLES).map((entry) => entry.role);
  const sums = new Map();
  for (const episode of answered) for (const [i, j, index] of episode.interactions) {
    const key = [episode.agents[i].role, episode.agents[j].role].sort().join("\u0000");
    const entry = sums.get(key) || [0, 0];
    sums.set(key, [entry[0] + index, entry[1] + 1]);
  }
  if (!sums.size) return empty("No interactions were computed: they need the values of coalitions.");
  const mean = (i, j) => {
    const entry = sums.get([names[i], names[j]].sort().join("\u0000"));
    return entry ? entry[0] / entry[1] : null;
  };
  const most = Math.max(...[...sums.values()].map(([total, number]) => Math.abs(total / number)));
  return h("div", {}, matrix(names, mean, most), roles.length > SHOWN_ROLES && h("p", { class: "hint" }, `The ${SHOWN_ROLES} most frequent of ${roles.length} roles.`));
}

function errorBars(answered) {
  const steps = [["exactly 0", 0], ["up to 1e−15", 1e-15], ["up to 1e−12", 1e-12], ["up to 1e−9", 1e-9], ["above 1e−9", Infinity]];
  const counts = steps.map(() => 0);
  for (const episode of answered) counts[steps.findIndex(([, limit]) => relativeError(episode) <= limit)] += 1;
  return bars(steps.map(([title], index) => [title, counts[index], index === 4 ? "bad" : "good"]).filter(([, number], index) => number || index === 4), "Conservation error");
}

function budget(answered) {
  const kinds = new Map();
  for (const episode of answered) {
    const { evaluator, method, questions } = episode.effort;
    const key = `${evaluator || "unknown"}, ${(method || "no estimate").toLowerCase().replace("_", " ")}`;
    const entry = kinds.get(key) || { episodes: 0, questions: 0, most: 0 };
    kinds.set(key, { episodes: entry.episodes + 1, questions: entry.questions + questions, most: Math.max(entry.most, questions) });
  }
  return table(["Evaluator, method", ["Episodes", "number"], ["Questions", "number"], ["Mean", "number"], ["Most", "number"]],
    [...kinds].map(([key, entry]) => h("tr", {}, h("th", { scope: "row" }, visible(key)), cell(entry.episodes.toLocaleString("en"), "number"), cell(entry.questions.toLocaleString("en"), "number"),
      cell((entry.questions / entry.episodes).toFixed(1), "number"), cell(entry.most.toLocaleString("en"), "number"))), { label: "Budget" });
}

function groupTable() {
  return foldable(data.groups, (shown) => table(["Group", ["Episodes used", "number"], ["Missing", "number"], ["Mean score", "number"], ["Spread", "number"], "X", "K", ["Share of K", "number"]],
    shown.map((group) => h("tr", {}, h("th", { scope: "row" }, name(group.id)),
      group.error ? h("td", { colspan: 7 }, visible(group.error.message)) : [cell(String(group.used), "number"), cell(String(group.missing.length), "number"), cell(plain(group.mean), "number"), cell(plain(group.std), "number"),
        cell(group.outcomePart.toLowerCase()), cell(group.creditPart.toLowerCase()), cell(percent(group.weight), "number")])), { label: "Groups" }));
}
