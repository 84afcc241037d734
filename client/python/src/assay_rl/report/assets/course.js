"use strict";
// A training run over its steps: what happened in short, what changed, and its curves.

// The curves under their headings: those of the team, and those drawn for each role.
const CHARTS = [
  ["The team", ["score", "success_rate", "right_answers", "first_errors"], []],
  ["Its roles", [], ["credit", "share", "sabotage", "mattered", "redundancy", "first_errors", "right_answers"]],
  ["What is trained on", ["task_spread", "advantage_spread", "reliability", "credit_weight"], ["advantage_spread"]],
  ["How sure it is, and what it costs", ["unexplained", "interval_width", "questions", "samples", "conservation"], []],
];
const SHOWN_CURVES = 8;

function coursePage() {
  const { runs } = data.course, [run] = runs;
  const steps = run.steps.map((step) => step.step);
  if (!steps.includes(compareSteps.from)) compareSteps.from = steps[0];
  if (!steps.includes(compareSteps.to)) compareSteps.to = steps.at(-1);
  const page = h("div", { class: "page" }, h("h1", {}, visible(data.title)), h("p", { class: "lead" }, courseLead(runs)));
  if (run.steps.length > 1) page.append(card("In short", null, inShort(run)));
  if (data.course.compared) page.append(comparedCard(runs, data.course.compared));
  const between = h("div", {});
  const choose = (step) => {
    compareSteps[compareSteps.from === null || Math.abs(step - compareSteps.from) < Math.abs(step - compareSteps.to) ? "from" : "to"] = step;
    between.replaceChildren(betweenCard(run, between));
  };
  if (run.steps.length > 1 || runs.length > 1) {
    page.append(h("p", { class: "soft" }, "Below, curves of many steps are faint; the bold line is the mean around each step, of it and a few neighbours, so that a jump looks like a slope. Beside a curve stand both. A dotted line marks where a curve", runs.length > 1 && [" of ", name(run.name)], " changed. ", runs.length > 1 && ["Solid lines are ", name(run.name), ", dashed ones ", name(runs[1].name), ". "], "An agent has one colour everywhere."));
    page.append(curves(runs, choose));
  }
  if (run.steps.length > 1) {
    between.append(betweenCard(run, between));
    page.append(card("What changed", "Steps from which on the mean of a curve is another one, clearer than chance would do. The numbers are means over the steps named.",
      runs.map((one, k) => (k ? h("details", {}, h("summary", {}, "In ", name(one.name)), changesOf(one)) : changesOf(one)))), between);
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
  const happened = inWords(change, fell);
  if (change.name === "sabotage") return [who, happened, change.roles?.length > 1 ? ": of the episodes in which they mattered they did so in" : ": of the episodes in which it mattered it did so in", ...numbers];
  if (change.name === "mattered") return [who, happened, `: ${whose} was not zero in`, ...numbers];
  if (change.name === "redundancy") return [change.role ? who : "The agents", happened, ":", ...numbers];
  const what = change.role ? [title, " of ", who] : [title];
  return [...what, happened, ":", ...numbers];
}

// What became of a role, or of a number.
function inWords(change, fell = change.after < change.before) {
  if (change.name === "sabotage") return fell && change.after < 0.02 ? " stopped hurting the team" : fell && change.after < 0.1 ? " hardly hurt the team any more" : fell ? " hurt the team less often" : " hurt the team more often";
  if (change.name === "mattered") return fell && change.after < 0.15 ? " hardly mattered any more" : fell ? " mattered less often" : " mattered more often";
  if (change.name === "redundancy") return fell ? " repeated others less" : " repeated others more";
  return fell ? " fell" : " rose";
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

// What one asks first of a training run: the changes that answer it, and what is said where there are none.
function notable(run) {
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
  return [[all.filter((change) => change.name === "score"), "The mean of the score changed at no step."], [[...stopped, ...turned], "No role stopped hurting the team."],
    [idle, "No role stopped mattering, none came to repeat others."], [calm, "The spread of scores within a group did not fall."]];
}

// Step by step; what did not happen last.
function inShort(run) {
  const questions = notable(run), happened = questions.flatMap(([changes]) => changes).sort((a, b) => a.jump - b.jump);
  return h("ul", {}, happened.map((change) => h("li", {}, h("b", {}, change.stages > 1 ? `Bit by bit, most of it at step ${change.jump}: ` : `From step ${change.jump} on: `), sentence(change))),
    questions.filter(([changes]) => !changes.length).map(([, none]) => h("li", {}, none)));
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
  if (!places.length) list.append(empty("Nothing changed: no curve has a step with clearly different means before and after it."));
  for (const { step, changes: all } of places) {
    const changes = together(all);
    const items = h("ul", {}, changes.slice(0, 6).map((change) => h("li", {}, sentence(change))));
    const more = h("button", { type: "button", class: "link", on: { click: () => { items.append(...changes.slice(6).map((change) => h("li", {}, sentence(change)))); more.remove(); } } }, `${changes.length - 6} more`);
    const alike = all.every((change) => change.step === step);
    list.append(h("section", {}, h("h3", {}, alike ? `From step ${step} on` : `Around step ${step}`), items, changes.length > 6 && more));
  }
  list.series = () => [["run", "step", "role", "number", "before", "after", "from step", "until step"], ...run.changes.map((change) => [visible(run.name), change.step, visible(change.role), change.name, change.before, change.after, change.begin, change.end])];
  return list;
}

function curves(runs, choose) {
  const { titles, roleTitles } = data.course, roles = rolesOf(runs), still = [], page = h("div", {});
  const titled = (title, run) => (runs.length > 1 ? `${title} · ${run.name}` : title);
  const line = (title, paint, read) => runs.map((run, r) => ({ title: titled(title, run), color: paint, dashed: r > 0, points: run.steps.map((step) => [step.step, read(step) ?? null]) }));
  // What never moves says its value once.
  const add = (place, about, panels) => {
    const shown = panels.filter((panel) => valuesOf(panel.lines).length), known = valuesOf(shown.flatMap((panel) => panel.lines));
    if (!known.length) return;
    if (Math.max(...known) - Math.min(...known) < 1e-12) still.push([about[0], ": ", figure(known[0], FORMATS[about[1]])]);
    else place.append(curveCard(about, shown, choose));
  };
  for (const [heading, team, each] of CHARTS) {
    const place = h("div", { class: "columns curves" });
    for (const key of team) add(place, titles[key], [{ lines: line(titles[key][0], "var(--ink)", (step) => step.metrics[key]), marks: marksOf(runs, "", key) }]);
    for (const key of each) {
      const [title, ...rest] = roleTitles[key];
      add(place, [`${title}, by role`, ...rest], roles.map((role) => ({ name: role, node: roleName(role, 26), lines: line(role, color(role), (step) => step.roles[role]?.[key]), marks: marksOf(runs, role, key) })));
    }
    if (place.children.length) page.append(h("h2", { class: "part" }, heading), place);
  }
  if (still.length) page.append(card("The same at every step", null, h("ul", {}, still.map((one) => h("li", {}, one)))));
  return page;
}

// Steps at which a curve of the first run changed.
const marksOf = ([run], role, key) => run.changes.filter((change) => change.name === key && change.role === role).map((change) => change.step);

function rolesOf(runs) {
  const counts = new Map();
  for (const run of runs) for (const step of run.steps) for (const role of Object.keys(step.roles)) counts.set(role, (counts.get(role) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, SHOWN_CURVES).map(([role]) => role);
}

