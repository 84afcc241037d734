"use strict";
// One colour an agent: in every view, and in every file of the same team.

const COLORS = 8;
const painted = { shared: new Set(), places: new Map() };

// An agent is known by its role, unless an episode has several of that role: then by its id.
const identity = (agent) => (painted.shared.has(agent.role) ? agent.id : agent.role);

// FNV-1a, so that a name has its colour whatever else is in the file.
function digest(text) {
  let hash = 0x811c9dc5;
  for (let k = 0; k < text.length; k += 1) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193) >>> 0;
  return (hash ^ (hash >>> 15)) >>> 0;
}

// The colour that its digest names, or the next one that is free. Eight are filled dots, the next eight rings.
function paint(names) {
  painted.places.clear();
  const taken = new Set();
  for (const name of names) {
    let place = digest(name) % COLORS;
    if (taken.size < 2 * COLORS) {
      const start = taken.size < COLORS ? 0 : COLORS;
      while (taken.has(start + (place % COLORS))) place += 1;
      place = start + (place % COLORS);
      taken.add(place);
    }
    painted.places.set(name, place);
  }
}

function findColors() {
  painted.shared.clear();
  const often = new Map();
  const meet = (name, times) => often.set(name, (often.get(name) || 0) + times);
  for (const { agents } of data.episodes) {
    if (new Set(agents.map((agent) => agent.role)).size === agents.length) continue;
    const met = new Set();
    for (const { role } of agents) (met.has(role) ? painted.shared : met).add(role);
  }
  for (const { agents } of data.episodes) for (const agent of agents) meet(identity(agent), 1);
  const summaries = [data.summary, ...(data.course?.runs || []).flatMap((run) => run.steps)];
  for (const summary of summaries) for (const role of Object.keys(summary?.roles || {})) meet(role, 0);
  const byName = (a, b) => (a < b ? -1 : 1);
  const names = [...often.keys()].sort((a, b) => often.get(b) - often.get(a) || byName(a, b));
  paint([...names.slice(0, 2 * COLORS).sort(byName), ...names.slice(2 * COLORS)]);
}

const color = (name) => (painted.places.has(name) ? `var(--agent-${painted.places.get(name) % COLORS})` : "var(--line)");
const dot = (name) => h("span", { class: (painted.places.get(name) ?? 0) >= COLORS ? "dot ring" : "dot", "aria-hidden": "true", style: { "--dot": color(name) } });
const agentDot = (agent) => dot(agent && identity(agent));
// A mark that stays beside what it marks.
const marked = (mark, ...text) => h("span", { class: "marked" }, mark, text);
const roleName = (role, most) => marked(dot(role), shortName(role, most));
const agentName = (agent, most) => marked(agentDot(agent), shortName(agent.id, most));
