"use strict";

// all: nothing is filtered, so the summary of everything holds, of episodes that are not in the page too.
function overview(episodes, all) {
  const total = all && data.summary?.episodes ? data.summary : summarise(episodes);
  const page = h("div", { class: "page" },
    h("h1", {}, visible(data.title)),
    h("p", { class: "lead" }, lead(total)),
    h("p", { class: "lead" }, mixture(episodes)),
    notices(all));
  page.append(tiles(total));
  if (total.episodes === total.failed) {
    page.append(empty("No episode with signals matches."));
    return page;
  }
  const roles = Object.entries(total.roles);
  const credited = roles.filter(([, role]) => role.credit), shared = roles.filter(([, role]) => role.share);
  if (credited.length) page.append(card("Who helped and who hurt", "Credit of each role: its share of what the team achieved, averaged over all orders in which the team could have formed. Below zero, the team was better without it. Hurt: of all its episodes, those with credit below zero. Sabotage: the same, of those in which it mattered. Mattered: credit is not zero. None of them tells of intent. Said before: how much of its messages had already been said in the episode.", creditTable(credited)));
  if (shared.length) page.append(card("Shares of the outcome", `In ${credited.length ? "the other episodes" : "these episodes"} nobody was asked what other teams would have got. What a role got is the sum of its messages' rewards: a share of the outcome, not what it caused.`, shareTable(shared)));
  page.append(
    card("Where it went wrong", "How many first errors are claimed, by author and by the number of the message. Where an episode claims none, nothing is counted.", errorTable(total)),
    h("div", { class: "columns" },
      card("What messages were", "Labels of all agents' messages.", labelBars(total)),
      card("Evidence behind first errors", "What the claims rest on; an episode without evidence claims nothing.", tierBars(total))),
    synergyOf(total, episodes, all),
    h("div", { class: "columns" },
      card("Do the numbers add up?", "Episodes by the distance between what was to be shared and what was shared, as a fraction of the value range. At most 1e−9 is promised.", errorBars(total)),
      card("Questions asked", "A question is: what would the outcome have been with only these agents or messages?", budget(total))));
  if (total.groups) page.append(h("p", {}, `${count(total.groups, "group")} of these episodes are compared task by task: `, h("a", { href: "#/groups" }, "Groups"), " shows what is trained on."));
  return page;
}

function lead(total) {
  const scoredCount = total.episodes - total.failed;
  const texts = [`${count(total.episodes, "episode")}: ${whole(total.successes)} succeeded, ${whole(scoredCount - total.successes)} failed`];
  if (total.failed) texts.push(`${whole(total.failed)} could not be scored`);
  return `${texts.join(", ")}. Choose an episode from the list to see who helped, who hurt, where it went wrong and why the numbers add up.`;
}

// What the page does not show, said where it begins.
function notices(all) {
  const texts = [];
  if (data.left > 0) texts.push(`Of ${count(data.left + data.episodes.length, "episode")} ${whole(data.episodes.length)} can be opened here, whole groups of them, chosen by their ids; ${all ? "the numbers on this page count all of them" : "filters see only these"}.`);
  if (data.foreign) texts.push(`${count(data.foreign, "episode")} ${data.foreign === 1 ? "is" : "are"} shown without texts: the episodes file has another episode by that id.`);
  if (data.unmatched) texts.push(`${count(data.unmatched, "episode")} ${data.unmatched === 1 ? "is" : "are"} not in the episodes file and shown without texts.`);
  return texts.length ? h("div", { class: "notices" }, texts.map((text) => h("p", {}, text))) : null;
}

function tiles(total) {
  const { metrics } = total;
  const tile = (value, text, kind) => h("div", { class: "tile" }, h("b", { class: kind }, value), h("span", {}, text));
  return h("div", { class: "tiles" },
    tile(figure(metrics.success_rate, percent), "success rate"),
    tile(figure(metrics.score), "mean score"),
    tile(figure(total.claimed, whole), "first errors claimed"),
    tile(figure(total.question_total, whole), "questions asked"),
    total.mismatched > 0 && tile([figure(total.mismatched, whole), " of ", figure(total.valued, whole)], "scores that are not the team's value"),
    tile(figure(metrics.conservation, tiny), "largest conservation error", metrics.conservation === null ? null : metrics.conservation <= 1e-9 ? "good" : "bad"),
    total.failed > 0 && tile(figure(total.failed, whole), "without signals", "bad"));
}

const SHOWN_ROLES = 15;
function foldable(rows, build) {
  const place = h("div", {}, build(rows.slice(0, SHOWN_ROLES)));
  if (rows.length > SHOWN_ROLES) {
    const button = h("button", { type: "button", class: "link", on: { click: () => place.replaceChildren(build(rows)) } }, `Show all ${rows.length}`);
    place.append(button);
  }
  return place;
}

const bounds = (rows, kind) => [Math.min(0, ...rows.map(([, role]) => role[kind].quantiles[0])), Math.max(0, ...rows.map(([, role]) => role[kind].quantiles.at(-1)))];

function creditTable(roles) {
  const [low, high] = bounds(roles, "credit");
  return [boxLegend(), foldable(roles, (shown) => table(["Role", [h("span", {}, "Distribution of credit, in units of the score", boxAxis(low, high)), "wide"], ["Mean", "number"], ["Hurt", "number"], ["Sabotage", "number"], ["Mattered", "number"], ["Said before", "number"], ["Episodes", "number"]],
    shown.map(([role, entry]) => h("tr", {}, h("th", { scope: "row" }, roleName(role, 34)), box(entry.credit, low, high), cell(figure(entry.credit.mean, signed), `number ${tone(entry.credit.mean)}`),
      cell(figure(entry.hurt, percent), "number"), cell(entry.mattered ? figure(entry.hurt / entry.mattered, percent) : "–", "number"), cell(figure(entry.mattered, percent), "number"), cell(figure(entry.redundancy, percent), "number"), cell(figure(entry.credit.n, whole), "number"))), { class: "roles", label: "Credit by role" }))];
}

function shareTable(roles) {
  const [low, high] = bounds(roles, "share");
  return [boxLegend(), foldable(roles, (shown) => table(["Role", [h("span", {}, "Distribution of shares, in units of the score", boxAxis(low, high)), "wide"], ["Mean share", "number"], ["Said before", "number"], ["Episodes", "number"]],
    shown.map(([role, entry]) => h("tr", {}, h("th", { scope: "row" }, roleName(role, 34)), box(entry.share, low, high), cell(figure(entry.share.mean, signed), "number"),
      cell(figure(entry.redundancy, percent), "number"), cell(figure(entry.share.n, whole), "number"))), { class: "roles", label: "Shares of the outcome by role" }))];
}

function errorTable(total) {
  const rows = Object.entries(total.roles).filter(([, role]) => role.first_errors).map(([role, entry]) => [role, entry.positions, entry.first_errors]);
  if (!rows.length) return empty("No first error is claimed: no episode came with evidence about single messages (annotations, process scores or rollouts). Without evidence nothing is claimed.");
  const most = Math.max(...rows.flatMap(([, counts]) => counts));
  const positions = Array.from({ length: Math.max(...rows.map(([, counts]) => counts.length)) }, (_, index) => index);
  rows.sort((a, b) => b[2] - a[2]);
  return foldable(rows, (shown) => table(["Author, message", ...positions.map((index) => [index === POSITIONS - 1 ? `${index}+` : String(index), "number"]), ["All", "number"]],
    shown.map(([role, counts, all]) => h("tr", {}, h("th", { scope: "row" }, roleName(role, 34)),
      positions.map((index) => h("td", { class: "heat bad", style: { "--strength": `${Math.round(((counts[index] || 0) / most) * 55)}%` } }, counts[index] ? figure(counts[index], whole) : "")),
      cell(figure(all, whole), "number"))), { class: "matrix", label: "First errors by author and position" }));
}

function labelBars({ labels }) {
  const kinds = { SOUND: "good", REPAIR: "good", REPAIR_ATTEMPT: "total", FIRST_ERROR: "bad", ERROR: "bad", FAILURE_ALIGNED: "bad" };
  return bars(Object.keys(LABELS).filter((label) => labels[label]).map((label) => [chip(label), labels[label], kinds[label]]), "Labels");
}

function tierBars({ tiers }) {
  const rows = Object.keys(TIERS).filter((tier) => tiers[tier]).map((tier) => [TIERS[tier], tiers[tier]]);
  return rows.length ? bars(rows, "Evidence of failures") : empty("No episode failed.");
}

let synergyStep = null; // as chosen

// Over a training run an average would mix teams that have little in common: it is of one step then.
function synergyOf(total, episodes, all) {
  const title = "Who adds what others already gave", colors = "Blue: worth more together than apart. Orange: substitutes, one would do.";
  const steps = stepsIn(episodes), place = h("div", {});
  const show = (step) => {
    const own = steps.length > 1 ? episodes.filter((episode) => episode.step === step) : episodes, of = steps.length > 1 ? summarise(own) : total;
    const where = steps.length ? ` of step ${step}` : "", some = all && steps.length < 2 ? "" : " shown here";
    const pick = h("select", { "aria-label": "Step of the synergy", on: { change: (event) => { synergyStep = Number(event.target.value); show(synergyStep); } } }, steps.map((one) => h("option", { value: one, selected: one === step }, String(one))));
    place.replaceChildren(card(title, `Synergy of two roles, mean over the ${count(of.episodes - of.failed, "episode")}${where}${some}, in units of the score. ${colors}`, steps.length > 1 && h("p", { class: "pick" }, "Step ", pick), roleMatrix(of)));
  };
  show(steps.includes(synergyStep) ? synergyStep : steps.at(-1));
  return place;
}

const stepsIn = (episodes) => [...new Set(episodes.map((episode) => episode.step).filter((step) => typeof step === "number"))].sort((a, b) => a - b);

// Says over what the numbers of the page are taken where that is several steps.
function mixture(episodes) {
  const steps = stepsIn(episodes);
  if (steps.length < 2) return null;
  return [`All numbers here mix ${steps.length} training steps, ${steps[0]} to ${steps.at(-1)}, in which the team changed. `, data.course && [h("a", { href: "#/course" }, "Over time"), " tells them apart; "], "the list of steps among the filters picks one."];
}

function roleMatrix(total) {
  const all = Object.keys(total.roles), names = all.slice(0, SHOWN_ROLES);
  if (!total.synergy.length) return empty("No interactions were computed: they need the values of coalitions.");
  const pairs = new Map(total.synergy.map(([a, b, mean]) => [[a, b].sort().join("\u0000"), mean]));
  const most = Math.max(...total.synergy.map(([, , mean]) => Math.abs(mean)));
  return h("div", {}, matrix(names, (i, j) => pairs.get([names[i], names[j]].sort().join("\u0000")) ?? null, most), all.length > SHOWN_ROLES && h("p", { class: "hint" }, `The ${SHOWN_ROLES} most frequent of ${all.length + total.roles_left_out} roles.`));
}

function errorBars({ conservation }) {
  const titles = ["exactly 0", "up to 1e−15", "up to 1e−12", "up to 1e−9", "above 1e−9"];
  return bars(titles.map((title, index) => [title, conservation[index], index === 4 ? "bad" : "good"]).filter(([, number], index) => number || index === 4), "Conservation error");
}

function budget(total) {
  return table(["Evaluator, method", ["Episodes", "number"], ["Questions", "number"], ["An episode", "number"], ["At most", "number"]],
    total.budget.map(([evaluator, method, episodes, questions, most]) => h("tr", {}, h("th", { scope: "row" }, visible(`${evaluator || "unknown"}, ${(method || "no estimate").toLowerCase().replace("_", " ")}`)), cell(figure(episodes, whole), "number"), cell(figure(questions, whole), "number"),
      cell(figure(questions / episodes, (value) => value.toFixed(1)), "number"), cell(figure(most, whole), "number"))), { label: "Budget" });
}
