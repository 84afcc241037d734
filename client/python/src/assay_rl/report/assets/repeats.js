"use strict";
// Whose words a message says again, by its runs of five words, as the service counts what was said before.

const RUN = 5, READ_WORDS = 2000; // of one text
const READ_EPISODES = 200; // of a stretch of steps, evenly chosen

function runsOf(message) {
  if (!message.runs) {
    const words = (message.text || "").slice(0, 20 * READ_WORDS).toLowerCase().split(/[ \t\n\v\f\r]+/).filter(Boolean).slice(0, READ_WORDS);
    message.runs = new Set(words.slice(RUN - 1).map((_, k) => words.slice(k, k + RUN).join(" ")));
  }
  return message.runs;
}

// The other agent whose earlier messages hold most of what the message says again; null where no text tells.
function repeatedAgent(episode, message) {
  const own = [...runsOf(message)], shared = new Map();
  for (const earlier of episode.messages) {
    if (earlier.index >= message.index) break;
    if (earlier.agent === message.agent) continue;
    const alike = own.filter((run) => runsOf(earlier).has(run)).length;
    if (alike) shared.set(earlier.agent, (shared.get(earlier.agent) || 0) + alike);
  }
  return [...shared].reduce((best, next) => (best === null || next[1] > best[1] ? next : best), null)?.[0] ?? null;
}

// Whom a role repeats in most of its repeating messages of the steps after a change.
function mostRepeated({ role, step, end }) {
  const of = data.episodes.filter((episode) => !episode.error && episode.step >= step && episode.step <= end), times = new Map();
  const chosen = of.filter((_, k) => k % Math.ceil(of.length / READ_EPISODES) === 0);
  let all = 0;
  for (const episode of chosen) {
    const roles = new Map(episode.agents.map((agent) => [agent.id, agent.role]));
    for (const message of scored(episode)) {
      if (roles.get(message.agent) !== role || !(message.rho >= 0.5)) continue;
      const agent = repeatedAgent(episode, message), whom = roles.get(agent) ?? agent;
      all += 1;
      if (whom !== null && whom !== role) times.set(whom, (times.get(whom) || 0) + 1);
    }
  }
  const [whom, most] = [...times].reduce((best, next) => (next[1] > best[1] ? next : best), [null, 0]);
  return most > all / 2 ? whom : null;
}
