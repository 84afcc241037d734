"use strict";
// A training run over its steps, another one beside it, and what became different between two steps.

const RUN_METRICS = [["score"], ["success_rate"], ["task_spread"], ["advantage_spread"], ["first_errors"], ["right_answers"], ["unexplained"], ["reliability", "credit_weight"], ["interval_width"], ["questions", "samples"], ["conservation"]];
const ROLE_CURVES = ["credit", "share", "sabotage", "mattered", "redundancy", "first_errors", "right_answers", "advantage_spread"];
const SHOWN_CURVES = 8;
const compareSteps = { from: null, to: null };

function coursePage() {
  const { runs } = data.course, [run] = runs;
  const steps = run.steps.map((step) => step.step);
  if (!steps.includes(compareSteps.from)) compareSteps.from = steps[0];
  if (!steps.includes(compareSteps.to)) compareSteps.to = steps.at(-1);
  const page = h("div", { class: "page" }, h("h1", {}, visible(data.title)), h("p", { class: "lead" }, courseLead(runs)));
  if (run.steps.length > 1) {
    page.append(card("In short", null, inShort(run)), card("What changed", "Places where the mean of a curve became another one, clearer than chance would do. The numbers are means of the steps named.",
      runs.map((one, k) => (k ? h("details", {}, h("summary", {}, "In ", name(one.name)), changesOf(one)) : changesOf(one)))));
  }
  if (data.course.compared) page.append(comparedCard(runs, data.course.compared));
  const between = h("div", {});
  const choose = (step) => {
    compareSteps[compareSteps.from === null || Math.abs(step - compareSteps.from) < Math.abs(step - compareSteps.to) ? "from" : "to"] = step;
    between.replaceChildren(betweenCard(run, between));
  };
  if (run.steps.length > 1 || runs.length > 1) {
    page.append(h("p", { class: "soft" }, "Curves of many steps are faint; the bold line is the mean of a few neighbouring steps, so that a jump looks like a slope. A dotted line marks what changed in ", name(run.name), "."));
    page.append(curves(runs, choose));
  }
  if (run.steps.length > 1) {
    between.append(betweenCard(run, between));
    page.append(between);
  }
  return page;
}

function courseLead(runs) {
  return runs.map((run, k) => {
    const steps = run.steps.length, first = run.steps[0]?.step, last = run.steps.at(-1)?.step;
    const thin = run.all > steps ? ` (${steps} of ${run.all} steps are drawn)` : "";
    return `${k ? "Compared with " : ""}${visible(run.name)}: ${count(steps, "step")}${steps > 1 ? `, ${first} to ${last}` : ""}${thin}, ${count(sum(run.steps.map((step) => step.episodes)), "episode")}. `;
  }).join("");
}

const titleOf = (change) => (change.role ? data.course.roleTitles : data.course.titles)[change.name];
const stretch = (from, to) => (from === to ? `step ${from}` : `steps ${from} to ${to}`);

// One change in words. What people ask about first has words of its own.
function sentence(change) {
  const [title, unit] = titleOf(change), format = FORMATS[unit];
  const fell = change.after < change.before;
  const numbers = [" ", figure(change.before, format), ` in ${stretch(change.begin, change.last)}, `, figure(change.after, format), ` in ${stretch(change.step, change.end)}.`];
  const who = change.role ? listed(change.roles ?? [change.role]) : null, whose = change.roles?.length > 1 ? "the credit of each" : "its credit";
  if (change.name === "sabotage") return [who, fell && change.after < 0.02 ? " stopped hurting the team" : fell && change.after < 0.1 ? " hardly hurt the team any more" : fell ? " hurt the team less often" : " hurt the team more often", change.roles?.length > 1 ? ": of the episodes in which they mattered they did so in" : ": of the episodes in which it mattered it did so in", ...numbers];
  if (change.name === "mattered") return [who, fell && change.after < 0.15 ? " became redundant" : fell ? " mattered less often" : " mattered more often", `: ${whose} was not zero in`, ...numbers];
  if (change.name === "redundancy" && change.role) return [who, fell ? " repeated others less" : " repeated others more", ":", ...numbers];
  const what = change.role ? [title, " of ", who] : [title];
  return [...what, fell ? " fell:" : " rose:", ...numbers];
}

const listed = (roles) => roles.flatMap((role, k) => [k === 0 ? "" : k === roles.length - 1 ? " and " : ", ", shortName(role, 30)]);

// What became of several roles alike, number by number, is said once.
function together(changes) {
  const alike = new Map();
  for (const change of changes) {
    const key = JSON.stringify([change.name, change.role ? change.before : change, change.after, change.begin, change.step, change.end]);
    if (alike.has(key)) alike.get(key).roles.push(change.role);
    else alike.set(key, { ...change, roles: [change.role] });
  }
  return [...alike.values()];
}

// From the first stretch of a series to its last one, and the step of its largest jump; of one that went up and down
// that jump alone.
function wholeChange(changes) {
  const ordered = [...changes].sort((a, b) => a.step - b.step), [first] = ordered, last = ordered.at(-1);
  const jump = ordered.reduce((best, next) => (Math.abs(next.after - next.before) > Math.abs(best.after - best.before) ? next : best));
  if (new Set(ordered.map((change) => change.after > change.before)).size > 1) return { ...jump, jump: jump.step, stages: 1 };
  return { ...first, after: last.after, step: last.step, end: last.end, jump: jump.step, stages: ordered.length };
}

// What one asks first of a training run, answered even where nothing happened.
function inShort(run) {
  const series = new Map();
  for (const change of run.changes) {
    const key = `${change.role}\u0000${change.name}`;
    series.set(key, [...(series.get(key) || []), change]);
  }
  const all = [...series.values()].map(wholeChange).sort((a, b) => a.jump - b.jump);
  const stopped = all.filter((change) => change.name === "sabotage" && change.before >= 0.1 && change.after < 0.1 && change.after < change.before / 2);
  const turned = all.filter((change) => change.name === "credit" && change.before < 0 && change.after >= 0 && !stopped.some(({ role }) => role === change.role));
  const idle = all.filter((change) => (change.name === "mattered" && change.after < 0.15 && change.before > change.after) || (change.name === "redundancy" && change.role && change.after >= 0.5 && change.before < change.after));
  const calm = all.filter((change) => change.name === "task_spread" && change.after < change.before);
  const list = (changes, none) => (changes.length ? changes.map((change) => h("li", {}, h("b", {}, change.stages > 1 ? `Bit by bit, most of it at step ${change.jump}: ` : `From step ${change.jump} on: `), sentence(change))) : h("li", {}, none));
  return h("ul", {}, list(all.filter((change) => change.name === "score"), "The score has no place where its mean became another one."), list([...stopped, ...turned], "No role stopped hurting the team."), list(idle, "No role became redundant."), list(calm, "The spread of scores within a task did not fall."));
}

// Changes of neighbouring steps belong together; the clearest of each place first.
function changesOf(run) {
  const places = [];
  for (const change of run.changes) {
    const place = places.find((candidate) => Math.abs(candidate.step - change.step) <= 1);
    if (place) place.changes.push(change);
    else places.push({ step: change.step, changes: [change] });
  }
  places.sort((a, b) => a.step - b.step);
  const list = h("div", { class: "changes" });
  if (!places.length) list.append(empty("Nothing became another: no curve has a place with clearly different means on its two sides."));
  for (const { step, changes: all } of places) {
    const changes = together(all);
    const items = h("ul", {}, changes.slice(0, 6).map((change) => h("li", {}, sentence(change))));
    const more = h("button", { type: "button", class: "link", on: { click: () => { items.append(...changes.slice(6).map((change) => h("li", {}, sentence(change)))); more.remove(); } } }, `${changes.length - 6} more`);
    list.append(h("section", {}, h("h3", {}, `From step ${step} on`), items, changes.length > 6 && more));
  }
  list.series = () => [["run", "step", "role", "number", "before", "after", "from step", "until step"], ...run.changes.map((change) => [visible(run.name), change.step, visible(change.role), change.name, change.before, change.after, change.begin, change.end])];
  return list;
}

function curves(runs, choose) {
  const { titles, roleTitles } = data.course;
  const several = runs.length > 1, place = h("div", { class: "columns curves" }), still = [];
  const lineName = (title, run) => (several ? `${title} · ${run.name}` : title);
  // A line that never moves says its value once.
  const add = (title, hint, unit, lines, marks) => {
    const known = lines.flatMap((line) => line.points.map(([, value]) => value)).filter((value) => typeof value === "number");
    if (!known.length) return;
    if (Math.max(...known) - Math.min(...known) < 1e-12) still.push([title, " ", figure(known[0], FORMATS[unit])]);
    else place.append(card(title, hint, curveChart(title, unit, lines, marks, choose)));
  };
  for (const group of RUN_METRICS) {
    const lines = runs.flatMap((run, r) => group.map((key, k) => ({ title: lineName(titles[key][0], run), color: color(k), dashed: r > 0, points: run.steps.map((step) => [step.step, step.metrics[key]]) })));
    add(group.map((key) => titles[key][0]).join(", "), group.map((key) => titles[key][2]).join(" "), titles[group[0]][1], lines, marksOf(runs, "", group));
    if (group[0] === "score") for (const key of ROLE_CURVES.slice(0, 5)) roleCurve(key);
  }
  for (const key of ROLE_CURVES.slice(5)) roleCurve(key);
  function roleCurve(key) {
    const roles = rolesOf(runs);
    const lines = runs.flatMap((run, r) => roles.map((role, k) => ({ title: lineName(role, run), color: color(k), dashed: r > 0, points: run.steps.map((step) => [step.step, step.roles[role]?.[key] ?? null]) })));
    add(`${roleTitles[key][0]}, by role`, roleTitles[key][2], roleTitles[key][1], lines, marksOf(runs, null, [key]));
  }
  return still.length ? h("div", {}, place, card("The same at every step", null, h("ul", {}, still.map((line) => h("li", {}, line))))) : place;
}

// Steps at which the first run's curves of these names changed. role null: of any role.
const marksOf = ([run], role, names) => [...new Set(run.changes.filter((change) => names.includes(change.name) && (role === null ? change.role : !change.role)).map((change) => change.step))].slice(0, 6);

function rolesOf(runs) {
  const counts = new Map();
  for (const run of runs) for (const step of run.steps) for (const role of Object.keys(step.roles)) counts.set(role, (counts.get(role) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, SHOWN_CURVES).map(([role]) => role);
}

function betweenCard(run, place) {
  const { titles, roleTitles } = data.course;
  const pick = (which) => h("select", { "aria-label": which === "from" ? "First step" : "Second step", on: { change: (event) => { compareSteps[which] = Number(event.target.value); place.replaceChildren(betweenCard(run, place)); } } },
    run.steps.map(({ step }) => h("option", { value: step, selected: step === compareSteps[which] }, String(step))));
  const [a, b] = [compareSteps.from, compareSteps.to].map((step) => run.steps.find((candidate) => candidate.step === step));
  const line = (title, unit, from, to) => (typeof from !== "number" && typeof to !== "number" ? null : Object.assign(h("tr", {}, h("th", { scope: "row" }, title), cell(figure(from, FORMATS[unit]), "number"), cell(figure(to, FORMATS[unit]), "number"),
    cell(typeof from === "number" && typeof to === "number" ? figure(to - from, (value) => (unit === "share" ? `${value > 0 ? "+" : value < 0 ? MINUS : ""}${Math.round(Math.abs(value) * 100)} points` : unit === "tiny" ? tiny(value) : signed(value))) : "–", "number")), { size: sizeOf(unit, from, to) }));
  const roles = rolesOf([run]);
  const rows = [...Object.entries(titles).map(([key, [title, unit]]) => line(title, unit, a.metrics[key], b.metrics[key])),
    ...roles.flatMap((role) => Object.entries(roleTitles).map(([key, [title, unit]]) => line([shortName(role, 26), ` · ${title.toLowerCase()}`], unit, a.roles[role]?.[key], b.roles[role]?.[key])))].filter(Boolean);
  rows.sort((x, y) => y.size - x.size);
  return card("Between two steps", "Choose them here, or click into a curve. What differs most, for its kind, comes first.", h("p", { class: "pick" }, "Step ", pick("from"), " and step ", pick("to")),
    longTable(["", [`Step ${a.step}`, "number"], [`Step ${b.step}`, "number"], ["Difference", "number"]], rows, "Two steps"));
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

function comparedCard([mine, theirs], compared) {
  const parts = [h("p", {}, "Solid lines are ", name(mine.name), ", dashed ones ", name(theirs.name), ".")];
  if (!compared.shared) {
    parts.push(h("p", {}, `The runs share no task (${compared.onlyMine} and ${compared.onlyTheirs} of their own). A task is known by its id, else by its prompt.`));
  } else {
    parts.push(h("p", {}, `On the ${count(compared.shared, "task")} of both, over all of their steps, `, name(mine.name), " scored ", figure(compared.mine), " and ", name(theirs.name), " ", figure(compared.theirs), ": a difference of ", figure(compared.difference, signed), compared.error === null ? "" : [" with a standard error of ", figure(compared.error)], ". ",
      name(theirs.name), ` is better on ${whole(compared.better)} and worse on ${whole(compared.worse)} of them.`, compared.onlyMine + compared.onlyTheirs > 0 && ` ${whole(compared.onlyMine)} and ${whole(compared.onlyTheirs)} tasks only one of them saw.`));
    parts.push(h("details", {}, h("summary", {}, "The tasks that differ most"), table(["Task", [shortName(mine.name, 24), "number"], [shortName(theirs.name, 24), "number"], ["Difference", "number"]],
      compared.tasks.map(([key, a, b]) => h("tr", {}, h("th", { scope: "row" }, shortName(key)), cell(figure(a), "number"), cell(figure(b), "number"), cell(figure(b - a, signed), `number ${tone(b - a)}`))), { label: "Tasks of both runs" })));
  }
  parts.push(h("details", {}, h("summary", {}, "The last quarter of both runs, in means"), endTable([mine, theirs])));
  return card("The two runs", null, parts);
}

function endTable(runs) {
  const { titles, roleTitles } = data.course, last = runs.map((run) => run.steps.slice(-Math.max(1, Math.floor(run.steps.length / 4))));
  const mean = (steps, read) => meanOf(steps.map(read).filter((value) => typeof value === "number"));
  const line = (title, unit, read) => {
    const [a, b] = last.map((steps) => mean(steps, read));
    return a === null && b === null ? null : h("tr", {}, h("th", { scope: "row" }, title), cell(figure(a, FORMATS[unit]), "number"), cell(figure(b, FORMATS[unit]), "number"));
  };
  const rows = [...Object.entries(titles).map(([key, [title, unit]]) => line(title, unit, (step) => step.metrics[key])),
    ...rolesOf(runs).flatMap((role) => ["credit", "hurt", "mattered"].map((key) => line([shortName(role, 26), ` · ${roleTitles[key][0].toLowerCase()}`], roleTitles[key][1], (step) => step.roles[role]?.[key])))].filter(Boolean);
  return table(["", ...runs.map((run) => [shortName(run.name, 24), "number"])], rows, { label: "The end of both runs" });
}
