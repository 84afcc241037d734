"use strict";
// What episodes say together, of those that are shown. The service's files hold the same for all of a step
// (course/summary.py), and a test holds both to each other.

const QUANTILES = 20;
const POSITIONS = 16;
const CONSERVATION = [0, 1e-15, 1e-12, 1e-9, Infinity];

const meanOf = (values) => (values.length ? sum(values) / values.length : null);
function spreadOf(values) {
  const mean = meanOf(values);
  return mean === null ? null : Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length);
}
function distribution(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b), last = sorted.length - 1;
  return { n: sorted.length, mean: meanOf(values), spread: spreadOf(values), quantiles: Array.from({ length: QUANTILES + 1 }, (_, k) => sorted[Math.floor((k * last) / QUANTILES + 0.5)]) };
}
const shareOf = (values, test) => (values.length ? values.filter(test).length / values.length : null);

function relativeError(episode) {
  const options = optionsOf(episode);
  return episode.ledger.error / (options ? options.high - options.low : 1);
}

const emptyRole = () => ({ episodes: 0, messages: 0, credit: [], share: [], repeats: [], advantage: [], first_errors: 0, positions: [], graded: 0, right: 0 });

function summarise(episodes) {
  const answered = episodes.filter((episode) => !episode.error);
  const roles = new Map(), labels = {}, tiers = {}, synergy = new Map(), budgets = new Map();
  const conservation = CONSERVATION.map(() => 0), repeats = [], widths = [], advantages = [];
  let graded = 0, right = 0;
  const roleOf = (key) => {
    if (!roles.has(key)) roles.set(key, emptyRole());
    return roles.get(key);
  };
  for (const episode of answered) {
    const names = new Map(episode.agents.map((agent) => [agent.id, agent.role]));
    const counterfactual = !onlyOutcome(episode);
    for (const agent of episode.agents) {
      const role = roleOf(agent.role);
      role.episodes += 1;
      (counterfactual ? role.credit : role.share).push(standing(episode, agent));
      if (counterfactual) widths.push(agent.high - agent.low);
    }
    const placed = advantagesOf(episode);
    for (const message of scored(episode)) {
      const role = roleOf(names.get(message.agent) ?? message.agent);
      role.messages += 1;
      role.repeats.push(message.rho);
      repeats.push(message.rho);
      labels[message.label] = (labels[message.label] || 0) + 1;
      if (message.grade) {
        role.graded += 1; graded += 1;
        if (message.grade === "RIGHT") { role.right += 1; right += 1; }
      }
      if (placed.has(message.index)) { role.advantage.push(placed.get(message.index)[2]); advantages.push(placed.get(message.index)[2]); }
      if (message.index === episode.first.index) {
        role.first_errors += 1;
        const position = Math.min(message.index, POSITIONS - 1);
        role.positions[position] = (role.positions[position] || 0) + 1;
      }
    }
    if (!episode.success) tiers[episode.first.tier] = (tiers[episode.first.tier] || 0) + 1;
    const error = relativeError(episode);
    conservation[Math.max(0, CONSERVATION.findIndex((bound) => error <= bound))] += 1;
    const key = `${episode.effort.evaluator}\u0000${episode.effort.method}`, budget = budgets.get(key) || [0, 0, 0];
    budgets.set(key, [budget[0] + 1, budget[1] + episode.effort.questions, Math.max(budget[2], episode.effort.questions)]);
    for (const [i, j, value] of episode.interactions) {
      const pair = [episode.agents[i].role, episode.agents[j].role].sort().join("\u0000"), entry = synergy.get(pair) || [0, 0];
      synergy.set(pair, [entry[0] + value, entry[1] + 1]);
    }
  }
  const groups = [...new Set(answered.map(groupOf).filter(Boolean))];
  const valued = answered.filter((episode) => !onlyOutcome(episode)), claimed = answered.filter((episode) => episode.first.index !== null).length;
  const successes = answered.filter((episode) => episode.success).length, scores = answered.map((episode) => episode.score);
  const frequent = [...roles].sort((a, b) => b[1].episodes - a[1].episodes || (a[0] < b[0] ? -1 : 1));
  return {
    episodes: episodes.length, failed: episodes.length - answered.length, successes, claimed, graded, right, messages: repeats.length, groups: groups.length,
    valued: valued.length, mismatched: valued.filter(differs).length,
    question_total: sum(answered.map((episode) => episode.effort.questions)),
    metrics: {
      score: meanOf(scores), score_spread: spreadOf(scores), success_rate: answered.length ? successes / answered.length : null,
      team_value: meanOf(valued.map((episode) => episode.grand)), unexplained: meanOf(valued.map((episode) => Math.abs(episode.unexplained))),
      first_errors: answered.length ? claimed / answered.length : null, redundancy: meanOf(repeats), task_spread: meanOf(groups.map((group) => group.std)),
      advantage_spread: spreadOf(advantages), reliability: meanOf(groups.filter((group) => group.creditPart !== "NONE").map((group) => group.reliability)),
      credit_weight: meanOf(groups.map((group) => group.weight)), interval_width: meanOf(widths), right_answers: graded ? right / graded : null,
      questions: meanOf(answered.map((episode) => episode.effort.questions)), samples: meanOf(answered.map((episode) => episode.effort.samples)),
      conservation: answered.length ? Math.max(...answered.map(relativeError)) : null,
    },
    roles: Object.fromEntries(frequent.map(([key, role]) => [key, {
      episodes: role.episodes, messages: role.messages, credit: distribution(role.credit), share: distribution(role.share),
      hurt: shareOf(role.credit, (value) => value < -1e-9), mattered: shareOf(role.credit, (value) => Math.abs(value) > 1e-9), redundancy: meanOf(role.repeats),
      first_errors: role.first_errors, positions: Array.from(role.positions, (number) => number || 0), advantage: distribution(role.advantage), graded: role.graded, right: role.right,
    }])),
    roles_left_out: 0, labels, tiers, conservation,
    synergy: [...synergy].map(([key, [total, n]]) => [...key.split("\u0000"), total / n, n]),
    budget: [...budgets].map(([key, counts]) => [...key.split("\u0000"), ...counts]),
  };
}
