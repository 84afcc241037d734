"use strict";

// Baseline, then every agent's credit on top of the one before, up to what the team was worth, and the outcome.
function waterfall(episode) {
  const blame = onlyOutcome(episode) && !episode.success;
  const start = blame ? episode.score - episode.ledger.target : episode.baseline;
  const steps = [blame ? { title: "Expected", note: "the reference", from: 0, to: start, total: true } : { title: "Nobody takes part", note: "baseline", from: 0, to: start, total: true }];
  let at = start;
  const agents = episode.agents.map((agent) => ({ ...agent, credit: standing(episode, agent) })).sort((a, b) => b.credit - a.credit);
  for (const agent of agents) {
    const to = at + agent.credit;
    const spread = agent.high - agent.low > 1e-9 ? [to + agent.low - agent.credit, to + agent.high - agent.credit] : null;
    steps.push({ agent, from: at, to, spread, interval: [agent.low, agent.high] });
    at = to;
  }
  if (blame && Math.abs(episode.ledger.unallocated) > 1e-12) steps.push({ title: "Unallocated", note: "no message could take it", from: at, to: at + episode.ledger.unallocated });
  if (!blame) steps.push({ title: "The whole team", note: "value with everybody", from: 0, to: episode.grand, total: true });
  if (episode.unexplained) steps.push({ title: "Not explained", note: "outcome beyond what the evaluator knows", from: episode.grand, to: episode.score });
  steps.push({ title: "Outcome", note: "the score of the episode", from: 0, to: episode.score, total: true });
  const ends = steps.flatMap((step) => [step.from, step.to, ...(step.spread || [])]);
  const low = Math.min(0, ...ends), high = Math.max(...ends, low + 1e-9);
  const x = (value) => ((value - low) / (high - low)) * 100;
  const estimated = !blame && Boolean(episode.effort.interval);
  const rows = steps.map((step) => {
    const from = Math.min(step.from, step.to), to = Math.max(step.from, step.to);
    const kind = step.total ? "total" : tone(step.to - step.from);
    const value = step.total ? figure(step.to) : figure(step.to - step.from, signed);
    const track = h("div", { class: "track", role: "img", "aria-label": step.total ? plain(step.to) : `${signed(step.to - step.from)}, from ${plain(step.from)} to ${plain(step.to)}` },
      h("i", { class: "zero", style: { left: `${x(0)}%` } }),
      h("i", { class: `step ${kind}`, style: { left: `${x(from)}%`, width: `${Math.max(0.4, x(to) - x(from))}%` } }),
      step.spread && h("i", { class: "whisker", style: { left: `${x(step.spread[0])}%`, width: `${x(step.spread[1]) - x(step.spread[0])}%` } }));
    const title = step.agent ? [marked(agentDot(step.agent), name(step.agent.id)), step.agent.role !== step.agent.id && small(visible(step.agent.role))] : [h("strong", {}, step.title), small(step.note)];
    const interval = step.agent && (step.spread ? [figure(step.interval[0], signed, 2), " to ", figure(step.interval[1], signed, 2)] : "exact");
    return h("tr", { class: step.total ? "sum" : null }, h("th", { scope: "row" }, title), cell(track, "wide"), cell(value, `number ${kind}`), estimated && cell(interval || "", "number soft"));
  });
  const scale = h("span", {}, "In units of the score", axisRow(low, high, (value) => plain(value, 2)));
  return table(["", [scale, "wide"], [h("span", {}, "Value or change"), "number"], ...(estimated ? [["Interval", "number"]] : [])], rows, { class: "waterfall", label: "Waterfall from baseline to outcome" });
}

// One column a message: suspicion of the first error upwards, repairs downwards.
function posteriorChart(episode, open) {
  const messages = scored(episode).slice(0, 1500);
  const step = Math.max(14, Math.min(56, Math.floor(880 / Math.max(1, messages.length))));
  const up = 92, down = 44, height = up + down + 40, width = Math.max(320, step * messages.length + 52);
  const chart = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "posterior", role: "group", "aria-label": "Probability of the first error and of repairs by message" });
  for (const level of [0, 0.5, 1]) {
    const y = 6 + (1 - level) * (up - 6);
    chart.append(s("line", { x1: 46, x2: width, y1: y, y2: y, class: "grid" }), s("text", { x: 42, y: y + 4, class: "axis", "text-anchor": "end" }, percent(level)));
  }
  chart.append(s("text", { x: 50, y: height - 4, class: "axis" }, "number of the message; height: probability"));
  messages.forEach((message, position) => {
    const [first, error, repair] = message.p;
    const left = 50 + position * step, wide = step - 4;
    const height = first * (up - 6), errors = error * (up - 6), mended = repair * (down - 8);
    const claimed = episode.first.index === message.index;
    const words = `Message ${message.index}, ${visible(message.agent)}: first error ${percent(first)}, error ${percent(error)}, repair ${percent(repair)}`;
    chart.append(s("a", { href: `#m${message.index}`, "aria-label": words, on: { click: (event) => { event.preventDefault(); open(message.index); } } },
      s("title", {}, words),
      s("rect", { x: left - 2, y: 0, width: step, height: up + down + 24, class: "hit" }),
      s("rect", { x: left, y: up - errors, width: wide, height: errors, class: "error" }),
      s("rect", { x: left, y: up - height, width: wide, height, class: claimed ? "first claimed" : "first" }),
      s("rect", { x: left, y: up, width: wide, height: mended, class: "repair" }),
      claimed && s("text", { x: left + wide / 2, y: Math.max(12, up - height - 3), class: "mark", "text-anchor": "middle" }, "✕"),
      repair > 0.5 && s("text", { x: left + wide / 2, y: up + mended + 11, class: "mark mended", "text-anchor": "middle" }, "↻"),
      (step > 20 || position % 5 === 0) && s("text", { x: left + wide / 2, y: up + down + 20, class: "axis", "text-anchor": "middle" }, String(message.index))));
  });
  chart.series = () => [["message", "agent", "first error", "error", "repair"], ...scored(episode).map((message) => [message.index, visible(message.agent), ...message.p])];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Posterior along the messages" }, chart);
}

// Symmetric table of pairwise indices; blue: more together than apart, orange: substitutes. Many columns are numbered
// like their rows, so that fifteen of them stay readable.
function matrix(names, value, most) {
  const numbered = names.length > 6;
  const rows = names.map((row, i) => h("tr", {}, h("th", { scope: "row" }, numbered && h("span", { class: "soft" }, `${i + 1} `), shortName(row, 30)),
    names.map((column, j) => {
      const index = i === j ? null : value(i, j);
      if (index === null || index === undefined) return h("td", { class: "blank" }, i === j ? "" : "–");
      const strength = Math.min(1, Math.abs(index) / (most || 1));
      return h("td", { class: `heat ${tone(index)}`, title: `${visible(row)} and ${visible(column)}: ${signed(index)}`, style: { "--strength": `${Math.round(strength * 55)}%` } }, figure(index, signed, 2));
    })));
  const head = names.map((text, j) => [numbered ? h("span", { title: visible(text) }, String(j + 1), h("span", { class: "unseen" }, ` ${visible(text)}`)) : shortName(text, 18), "rotate"]);
  return table(["", ...head], rows, { class: numbered ? "matrix dense" : "matrix", label: "Synergy" });
}

// Least, quartiles, most and mean of a distribution on a shared axis. quantiles: 21 of them, evenly spaced.
function box({ quantiles, mean }, low, high) {
  const x = (value) => ((value - low) / (high - low || 1)) * 100;
  const [least, quarter, middle, three, most] = [0, 5, 10, 15, 20].map((k) => quantiles[k]);
  const node = h("td", { class: "wide" }, h("div", { class: "track box", role: "img", "aria-label": `from ${signed(least)} to ${signed(most)}, middle half ${signed(quarter)} to ${signed(three)}, mean ${signed(mean)}` },
    h("i", { class: "zero", style: { left: `${x(0)}%` } }),
    h("i", { class: "range", style: { left: `${x(least)}%`, width: `${x(most) - x(least)}%` } }),
    h("i", { class: "middle", style: { left: `${x(quarter)}%`, width: `${Math.max(0.5, x(three) - x(quarter))}%` } }),
    h("i", { class: `mean ${tone(mean)}`, style: { left: `${x(mean)}%` } })));
  node.numbers = [["least", least], ["lower quarter", quarter], ["median", middle], ["upper quarter", three], ["most", most]];
  return node;
}

// The axis above a column of bars: its two ends, and zero where there is room between them.
function axisRow(low, high, format) {
  const place = (value) => (value - low) / (high - low || 1), zero = place(0);
  const at = (value, side) => h("span", { class: `tick ${side}`, style: { left: `${place(value) * 100}%` } }, format(value));
  return h("div", { class: "axis-row", "aria-hidden": "true" }, at(low, "start"), zero > 0.3 && zero < 0.7 && at(0, "middle"), at(high, "end"));
}
const boxAxis = (low, high) => axisRow(low, high, (value) => signed(value, 2));
const boxLegend = () => h("p", { class: "legend soft" }, h("i", { class: "key line" }), "least to most ", h("i", { class: "key half" }), "middle half ", h("i", { class: "key mean" }), "mean ", h("i", { class: "key origin" }), "zero");

function bars(rows, label) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return table(["", "", ["Count", "number"]], rows.map(([title, value, kind]) => h("tr", {}, h("th", { scope: "row" }, title),
    cell(h("div", { class: "track" }, h("i", { class: `step ${kind || "total"}`, style: { left: "0", width: `${(value / most) * 100}%` } })), "wide"),
    cell(figure(value, whole), "number"))), { class: "bars", label });
}
