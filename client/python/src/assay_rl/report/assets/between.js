"use strict";
// What is different between two steps of a training run, and between two training runs.

const compareSteps = { from: null, to: null };

// A share is named with what it is a share of.
const named = ([title, unit, , axis]) => (unit === "share" ? [title, small(axis)] : title);

function betweenCard(run, place) {
  const { titles, roleTitles } = data.course;
  const pick = (which) => h("select", { "aria-label": which === "from" ? "First step" : "Second step", on: { change: (event) => { compareSteps[which] = Number(event.target.value); place.replaceChildren(betweenCard(run, place)); } } },
    run.steps.map(({ step }) => h("option", { value: step, selected: step === compareSteps[which] }, String(step))));
  const [a, b] = [compareSteps.from, compareSteps.to].map((step) => run.steps.find((candidate) => candidate.step === step)), difference = `Step ${b.step} ${MINUS} step ${a.step}`;
  const line = (title, unit, from, to) => (typeof from !== "number" && typeof to !== "number" ? null : Object.assign(h("tr", {}, h("th", { scope: "row" }, title), cell(figure(from, FORMATS[unit]), "number"), cell(figure(to, FORMATS[unit]), "number"),
    cell(typeof from === "number" && typeof to === "number" ? figure(to - from, (value) => (unit === "share" ? `${value > 0 ? "+" : value < 0 ? MINUS : ""}${Math.round(Math.abs(value) * 100)} points` : unit === "tiny" ? tiny(value) : signed(value))) : "–", "number")), { size: sizeOf(unit, from, to) }));
  const roles = rolesOf([run]);
  const rows = [...Object.entries(titles).map(([key, about]) => line(named(about), about[1], a.metrics[key], b.metrics[key])),
    ...roles.flatMap((role) => Object.entries(roleTitles).map(([key, about]) => line([roleName(role, 26), " · ", named(about)], about[1], a.roles[role]?.[key], b.roles[role]?.[key])))].filter(Boolean);
  rows.sort((x, y) => y.size - x.size);
  return card("Between two steps", "Choose them here, or click into a curve. A difference is the second step minus the first: above zero it rose. What differs most, for its kind, comes first.", h("p", { class: "pick" }, "Step ", pick("from"), " and step ", pick("to")),
    longTable(["", [`Step ${a.step}`, "number"], [`Step ${b.step}`, "number"], [difference, "number"]], rows, "Two steps"));
}

const SHOWN_ROWS = 12;
function longTable(head, rows, label) {
  const place = h("div", {}, table(head, rows.slice(0, SHOWN_ROWS), { label }));
  if (rows.length > SHOWN_ROWS) place.append(h("button", { type: "button", class: "link", on: { click: () => place.replaceChildren(table(head, rows, { label })) } }, `Show all ${rows.length}`));
  return place;
}

// How far apart two numbers of one kind are: shares and values as they are, counts by what they were.
function sizeOf(unit, from, to) {
  if (typeof from !== "number" || typeof to !== "number") return 0;
  const size = Math.abs(to - from);
  return unit === "count" ? size / Math.max(1, Math.abs(from)) : unit === "tiny" ? 0 : size;
}

// Both means on the tasks of both, the difference and on how many of them which run is better.
function scoresOf([mine, theirs], { shared, mine: first, theirs: second, difference, error, better, worse }) {
  return [name(mine.name), " scored ", figure(first), " and ", name(theirs.name), " ", figure(second), "; ", minusOf(mine, theirs), ": ", figure(difference, signed), error === null ? "" : [" with a standard error of ", figure(error)], ". ",
    name(theirs.name), ` is better on ${whole(better)}, worse on ${whole(worse)} and the same on ${whole(shared - better - worse)} of them.`];
}

const minusOf = (mine, theirs) => [shortName(theirs.name, 18), ` ${MINUS} `, shortName(mine.name, 18)];

// When each run came to what one asks of first, side by side.
function turnsOf(runs) {
  const turns = new Map();
  runs.forEach((run, r) => notable(run).flatMap(([changes]) => changes).forEach((change) => {
    const key = JSON.stringify([change.role, change.name, change.after < change.before]);
    if (!turns.has(key)) turns.set(key, { change, at: runs.map(() => null) });
    turns.get(key).at[r] = change.jump;
  }));
  if (!turns.size) return null;
  const earliest = ({ at }) => Math.min(...at.filter((step) => step !== null));
  const who = ({ role, name: what }) => [role ? shortName(role, 30) : titleOf({ name: what })[0], role && what === "credit" && ": credit"];
  const when = (run, step) => [step === null ? "at no step" : "step ", step !== null && figure(step, whole), " in ", name(run.name)];
  return h("ul", {}, [...turns.values()].sort((a, b) => earliest(a) - earliest(b)).map(({ change, at }) => h("li", {}, ...who(change), inWords(change), ": ", ...runs.flatMap((run, r) => [r > 0 && ", ", ...when(run, at[r])]), ".")));
}

function comparedCard(runs, compared) {
  const parts = [], [mine, theirs] = runs, minus = minusOf(mine, theirs);
  if (!compared.shared) {
    parts.push(h("p", {}, `The runs share no task (${compared.onlyMine} and ${compared.onlyTheirs} of their own). A task is known by its id, else by its prompt.`));
  } else {
    parts.push(h("p", {}, `On the ${count(compared.shared, "task")} of both, over all of their steps, `, scoresOf(runs, compared), compared.onlyMine + compared.onlyTheirs > 0 && ` ${whole(compared.onlyMine)} and ${whole(compared.onlyTheirs)} tasks only one of them saw.`));
    const { late } = compared;
    if (late) parts.push(h("p", {}, h("b", {}, `In the last quarter of the steps of both, ${late.from} to ${late.to}, `), `on ${count(late.shared, "task")}, `, scoresOf(runs, late)));
    parts.push(turnsOf(runs));
    parts.push(h("details", {}, h("summary", {}, "The tasks that differ most"), table(["Task", [shortName(mine.name, 24), "number"], [shortName(theirs.name, 24), "number"], [minus.map((part) => part.cloneNode?.(true) ?? part), "number"]],
      compared.tasks.map(([key, a, b]) => h("tr", {}, h("th", { scope: "row" }, shortName(key)), cell(figure(a), "number"), cell(figure(b), "number"), cell(figure(b - a, signed), `number ${tone(b - a)}`))), { label: "Tasks of both runs" })));
  }
  parts.push(h("details", {}, h("summary", {}, "The last quarter of both runs, in means"), endTable([mine, theirs])));
  return card("The two runs", ["Every difference is ", name(theirs.name), " minus ", name(mine.name), ": above zero, ", name(theirs.name), " has more."], parts);
}

function endTable(runs) {
  const { titles, roleTitles } = data.course, last = runs.map((run) => run.steps.slice(-Math.max(1, Math.floor(run.steps.length / 4))));
  const mean = (steps, read) => meanOf(steps.map(read).filter((value) => typeof value === "number"));
  const line = (title, unit, read) => {
    const [a, b] = last.map((steps) => mean(steps, read));
    return a === null && b === null ? null : h("tr", {}, h("th", { scope: "row" }, title), cell(figure(a, FORMATS[unit]), "number"), cell(figure(b, FORMATS[unit]), "number"));
  };
  const rows = [...Object.entries(titles).map(([key, about]) => line(named(about), about[1], (step) => step.metrics[key])),
    ...rolesOf(runs).flatMap((role) => ["credit", "hurt", "sabotage", "mattered"].map((key) => line([roleName(role, 26), " · ", named(roleTitles[key])], roleTitles[key][1], (step) => step.roles[role]?.[key])))].filter(Boolean);
  return table(["", ...runs.map((run) => [shortName(run.name, 24), "number"])], rows, { label: "The end of both runs" });
}
