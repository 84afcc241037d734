"use strict";

const FOLDED = 560; // characters of a message before it is opened
const PIECE = 50000; // characters added by each "show more"

function episodePage(episode, position, total) {
  const page = h("div", { class: "page" }, heading(episode, position, total));
  if (episode.error) {
    page.append(h("div", { class: "card" }, h("h2", {}, "This episode has no signals"), h("p", {}, `Code ${episode.error.code}: ${visible(episode.error.message)}`),
      episode.error.fields.map(([field, text]) => h("p", {}, h("code", {}, visible(field)), ` ${visible(text)}`))));
    page.append(transcript(episode).node);
    return page;
  }
  const talk = transcript(episode);
  page.append(verdict(episode, talk.open));
  if (episode.prompt) page.append(h("details", { class: "card task", open: episode.prompt.length < 600 }, h("summary", {}, "The task"), h("div", { class: "text", dir: "auto" }, longText(episode.prompt)),
    episode.reference && h("p", { class: "soft" }, "Right answer: ", h("bdi", {}, visible(episode.reference.slice(0, 400))))));
  const outcomeOnly = onlyOutcome(episode);
  page.append(card(outcomeOnly && !episode.success ? "From what was expected to the outcome" : "From nobody to the outcome",
    outcomeOnly ? "Nobody was asked what other teams would have got, so an agent's share is simply the sum of its messages' rewards." :
      "Each agent's credit is its Shapley value: what it added, averaged over all orders in which the team could have formed. The steps lead from the value without anybody to the value of the whole team.", waterfall(episode)));
  return fill(page, {}, [posteriorCard(episode, talk.open), talk.node, ledgerCard(episode), synergyCard(episode), questionsCard(episode), pairsCard(episode), groupCard(episode), provenance(episode)]);
}

function heading(episode, position, total) {
  return h("div", { class: "episode-head" },
    h("a", { href: "#/episodes", class: "back" }, "← Episodes"),
    h("h1", {}, name(episode.id)),
    h("div", { class: "steps" },
      h("button", { type: "button", on: { click: () => go(-1) }, disabled: position <= 0, "aria-label": "Previous episode (k)" }, "↑"),
      h("span", { class: "soft" }, position < 0 ? "" : `${position + 1} of ${total}`),
      h("button", { type: "button", on: { click: () => go(1) }, disabled: position < 0 || position >= total - 1, "aria-label": "Next episode (j)" }, "↓")));
}

// Four answers in words, before any chart.
function verdict(episode, open) {
  const options = optionsOf(episode);
  const sorted = episode.agents.map((agent) => ({ ...agent, credit: standing(episode, agent) })).sort((a, b) => b.credit - a.credit);
  const helped = sorted.filter((agent) => agent.credit > 1e-9), hurt = sorted.filter((agent) => agent.credit < -1e-9).reverse();
  const idle = sorted.length - helped.length - hurt.length;
  const counterfactual = !onlyOutcome(episode);
  const people = (agents) => h("ul", {}, agents.slice(0, 4).map((agent) => h("li", {}, dot(episode.agents.findIndex((a) => a.id === agent.id)), name(agent.id), h("b", { class: tone(agent.credit) }, ` ${signed(agent.credit)}`))),
    agents.length > 4 && h("li", { class: "soft" }, `and ${agents.length - 4} more`));
  const box = (title, ...content) => h("section", { class: "answer" }, h("h2", {}, title), ...content);
  const threshold = options ? `; from ${plain(options.theta, 2)} on it counts as a success` : "";
  return h("div", { class: "verdict" },
    h("p", { class: `outcome ${episode.success ? "good" : "bad"}` }, h("b", {}, episode.success ? "✓ The team succeeded" : "✕ The team failed"), ` with a score of ${plain(episode.score)}${threshold}.`,
      episode.truncated && " The run was cut off by a limit.", episode.partial && " This is a partial estimate."),
    h("div", { class: "answers" },
      box("Who helped", helped.length ? people(helped) : h("p", {}, counterfactual ? "Nobody made the team better." : "Nobody earned a reward."), idle > 0 && h("p", { class: "soft" }, `${count(idle, "agent")} ${counterfactual ? "made no difference" : idle === 1 ? "carries nothing" : "carry nothing"}.`)),
      box("Who hurt", hurt.length ? people(hurt) : h("p", {}, counterfactual ? "Nobody made the team worse." : "Nobody carries blame."), hurt.length > 0 && h("p", { class: "soft" }, counterfactual ? "The team was better without them." : "The blame of their messages.")),
      box("Where it went wrong", ...whereWrong(episode, open)),
      box("Why the numbers add up", ...whyAdds(episode, options))));
}

function jump(index, open, text) {
  return h("button", { type: "button", class: "link", on: { click: () => open(index) } }, text);
}

function whereWrong(episode, open) {
  const { first } = episode;
  const author = (index) => episode.messages.find((message) => message.index === index)?.agent ?? "";
  if (first.index !== null) {
    const lines = [h("p", {}, "At ", jump(first.index, open, `message ${first.index}`), " by ", name(author(first.index)), `, ${percent(first.probability)} sure.`)];
    if (first.decisive !== null && first.decisive !== first.index) lines.push(h("p", {}, "For good at ", jump(first.decisive, open, `message ${first.decisive}`), " by ", name(author(first.decisive)), "."));
    const mended = episode.messages.filter((message) => message.label === "REPAIR");
    if (mended.length) lines.push(h("p", {}, "Repaired at ", mended.slice(0, 5).map((message, k) => [k ? ", " : "", jump(message.index, open, `message ${message.index}`)]), "."));
    lines.push(h("p", { class: "soft" }, `Evidence: ${TIERS[first.tier] || first.tier}.`));
    return lines;
  }
  if (episode.success) return [h("p", {}, "Nowhere: the run succeeded, and no error is claimed.")];
  if (first.tier === "NONE") return [h("p", {}, "Unknown. Nothing tells its messages apart, so no first error is claimed."), h("p", { class: "soft" }, "Annotations, process scores or rollouts would tell.")];
  if (first.environment >= 0.5) return [h("p", {}, `With the environment: ${percent(first.environment)} sure that no agent's message, but a reply to one, cost the success. That share of the shortfall is nobody's.`), h("p", { class: "soft" }, `Evidence: ${TIERS[first.tier] || first.tier}.`)];
  return [h("p", {}, `Unclear. The most suspect message has ${percent(first.probability)}; not enough to claim it.`), h("p", { class: "soft" }, `Evidence: ${TIERS[first.tier] || first.tier}.`)];
}

function whyAdds(episode, options) {
  const { ledger } = episode;
  const rest = Math.abs(ledger.unallocated) > 1e-12 ? ` and ${signed(ledger.unallocated)} that no message could take` : "";
  const lines = episode.success
    ? [h("p", {}, `With everybody the task is worth ${plain(episode.grand)}, with nobody ${plain(episode.baseline)}: ${signed(ledger.target)} to share. Credits sum to it, and so do the messages' rewards${rest}.`)]
    : [h("p", {}, `The run fell ${plain(Math.abs(ledger.target))} short${options ? ` of ${plain(options.reference, 2)}` : ""}. The messages' rewards sum to ${signed(ledger.allocated)}${rest}.`)];
  lines.push(h("p", { class: "soft" }, `Off by ${tiny(ledger.error)}.`));
  return lines;
}

function posteriorCard(episode, open) {
  const { first } = episode;
  const informative = scored(episode).some((message) => message.p[0] > 0 || message.p[2] > 0);
  if (!informative || (episode.success && first.index === null) || (first.tier === "NONE" && first.index === null)) {
    const why = episode.success ? "The run succeeded and nothing speaks for an error in it." : `No evidence about single messages was given, so suspicion is only spread by ${onlyOutcome(episode) ? "length" : "credit"}; nothing is claimed.`;
    return card("Where it went wrong, message by message", why, !episode.success && informative && h("details", {}, h("summary", {}, "Show the spread of suspicion"), posteriorChart(episode, open)));
  }
  return card("Where it went wrong, message by message", null,
    h("p", { class: "hint legend" }, h("i", { class: "key first" }), "first error ", h("i", { class: "key error" }), "any error ", h("i", { class: "key repair" }), `repair (downwards). Probability that no message was the first error: ${percent(first.none)}${first.environment > 0 ? `, that it was the environment: ${percent(first.environment)}` : ""}. With 80 % probability it is one of: ${first.set.join(", ") || "none"}.`),
    posteriorChart(episode, open));
}

function restsOn(episode) {
  if (episode.success) return `Each agent's credit is shared over its messages by ${EVIDENCE[episode.evidence] || "local evidence"}.`;
  if (episode.first.index !== null) return "The shortfall is carried by the errors; what was sound pays nothing, and attempts to repair keep theirs.";
  return "Nothing is located, so the shortfall is shared by suspicion. Whoever was right in a lost cause keeps that.";
}

function transcript(episode) {
  const list = h("ol", { class: "messages" });
  const indexOf = new Map(episode.agents.map((agent, index) => [agent.id, index]));
  const advantages = advantagesOf(episode);
  const values = advantages.size ? [...advantages.values()].map((row) => row[2]) : scored(episode).map((message) => message.reward);
  const most = Math.max(...values.map(Math.abs), 0);
  const sides = "right and blue for a gain, left and orange for a loss.";
  const hint = advantages.size ? `The bar is the message's advantage, which is what a trainer puts on its tokens: ${sides} ${madeOf(groupOf(episode))}` : `The bar is the message's reward: ${sides} ${restsOn(episode)}`;
  const section = card("The transcript", episode.error ? null : hint, list);
  if (!episode.messages.length) list.replaceWith(empty("No messages are known: give the episodes file with --episodes."));
  const items = lazily(list, episode.messages, (message) => messageItem(message, episode, indexOf, most, advantages), 40);
  const open = (index) => {
    items.upTo(episode.messages.findIndex((message) => message.index === index));
    const item = list.querySelector(`[data-index="${Number(index)}"]`);
    item?.scrollIntoView({ block: "center" });
    item?.focus({ preventScroll: true });
  };
  return { node: section, open };
}

function messageItem(message, episode, indexOf, most, advantages) {
  const author = indexOf.get(message.agent) ?? -1;
  const facts = [];
  if (message.round) facts.push(`round ${message.round}`);
  if (message.answer !== undefined) facts.push(["answers ", h("bdi", { class: "code" }, visible(message.answer.slice(0, 120))), message.grade && ` (${GRADES[message.grade]})`]);
  if (message.q !== undefined) facts.push(`process score ${signed(message.q, 2)}`);
  if (message.rollouts) facts.push(`before it ${message.rollouts[0]} of ${message.rollouts[1]} rollouts succeeded`);
  if (message.rho > 0.05) facts.push(`${percent(message.rho)} said before`);
  if (message.repairs !== undefined) facts.push(`repairs message ${message.repairs}`);
  if (message.annotated) facts.push("annotated as the first error");
  if (message.p && episode.first.tier !== "NONE" && message.p[0] >= 0.01) facts.push(`first error ${percent(message.p[0])}`);
  const advantage = advantages.get(message.index);
  if (advantage) facts.push(`X ${signed(advantage[3], 2)}, K ${signed(advantage[1], 2)}`, `reward ${signed(message.reward)}`);
  if (advantage && message.credit !== undefined) facts.push(`credit ${signed(message.credit)}`);
  const [figure, value] = advantage ? ["advantage", advantage[2]] : ["reward", message.reward];
  return h("li", { class: `message ${author < 0 ? "context" : ""} label-${message.label || "none"}`, "data-index": message.index, tabindex: "-1", style: { "--author": author < 0 ? "var(--line)" : color(author) } },
    h("div", { class: "who" },
      h("span", { class: "index" }, String(message.index)), dot(author), author < 0 ? h("span", { class: "soft" }, "context, not scored") : name(message.agent),
      message.label && chip(message.label),
      value !== undefined && h("span", { class: "reward", title: figure }, diverging(value, most, figure), h("b", { class: tone(value) }, signed(value)))),
    facts.length > 0 && h("div", { class: "facts" }, facts.map((fact, k) => [k > 0 && h("span", { "aria-hidden": "true" }, " · "), fact])),
    message.text !== undefined && h("div", { class: "text", dir: "auto" }, longText(message.text)));
}

// Long texts open in pieces, so that a line of a megabyte never has to be laid out at once.
function longText(text) {
  if (text.length <= FOLDED) return visible(text);
  const body = h("span", {}, visible(text.slice(0, FOLDED - 60)), "…");
  let shown = 0;
  const button = h("button", { type: "button", class: "link more", "aria-expanded": "false" }, `Show all ${text.length.toLocaleString("en")} characters`);
  button.addEventListener("click", () => {
    if (shown >= text.length) {
      shown = 0;
      body.replaceChildren(visible(text.slice(0, FOLDED - 60)), "…");
      button.textContent = `Show all ${text.length.toLocaleString("en")} characters`;
    } else {
      if (shown === 0) body.replaceChildren();
      body.append(visible(text.slice(shown, shown + PIECE)));
      shown = Math.min(text.length, shown + PIECE);
      button.textContent = shown < text.length ? `Show more: ${(text.length - shown).toLocaleString("en")} characters are left` : "Show less";
    }
    button.setAttribute("aria-expanded", String(shown > 0));
  });
  return [body, " ", button];
}

function ledgerCard(episode) {
  const { ledger } = episode;
  const credited = episode.success || !onlyOutcome(episode);
  const rows = episode.agents.map((agent, index) => {
    const own = episode.messages.filter((message) => message.agent === agent.id && message.reward !== undefined);
    const holds = Math.abs(agent.credit - agent.total - agent.unallocated) <= 1e-9 * Math.max(1, Math.abs(agent.credit));
    const verdict = episode.success && h("span", { class: holds ? "good" : "bad" }, holds ? "✓" : "✕");
    return h("tr", {}, h("th", { scope: "row" }, dot(index), name(agent.id)), credited && cell(signed(agent.credit), "number"), cell(signed(agent.total), "number"), cell(agent.unallocated ? signed(agent.unallocated) : "–", "number"),
      cell(String(own.length), "number"), cell([verdict, agent.relaxed && h("span", { title: "Conserved only against the sign of the evidence" }, " signs relaxed")], "number"));
  });
  rows.push(h("tr", { class: "sum" }, h("th", { scope: "row" }, "Sum"), credited && cell(signed(sum(episode.agents.map((agent) => agent.credit))), "number"), cell(signed(ledger.allocated), "number"), cell(signed(ledger.unallocated), "number"),
    cell(String(scored(episode).length), "number"), cell(h("span", { class: ledger.error <= 1e-9 ? "good" : "bad" }, ledger.error <= 1e-9 ? "✓" : "✕"), "number")));
  const target = episode.success ? "value with everybody less value with nobody" : "score less the reference, to be shared as blame";
  return card("The ledger", episode.success ? "What each agent earned, and what its messages got of it." : credited ? "Credit says what an agent was worth; the rewards of a failure share out its shortfall. They are two different sums." : "The rewards share out what the run fell short.",
    table(["Agent", ...(credited ? [["Credit", "number"]] : []), ["Sum of rewards", "number"], ["Not placed", "number"], ["Messages", "number"], ["Adds up", "number"]], rows, { label: "Ledger" }),
    h("p", { class: "equation" }, `${signed(ledger.allocated, 6)} (rewards) + ${plain(ledger.unallocated, 6)} (not placed) = ${signed(ledger.target, 6)}`, h("small", {}, target)),
    ledger.gap ? h("p", { class: "soft" }, `The estimate missed the sum by ${tiny(ledger.gap)}; that was returned to the agents.`) : null);
}

function questionsCard(episode) {
  const { effort } = episode;
  const kinds = { coalition: "with only these agents", messages: "with only these messages", prefix: "from this point on", correction: "with this message corrected", message_scores: "scores of all messages" };
  const asked = Object.entries(effort.counts).map(([kind, number]) => `${number.toLocaleString("en")} ${kinds[kind] || kind}`).join(", ");
  const head = h("p", {}, h("b", {}, count(effort.questions, "question")), ` to “${visible(effort.evaluator || "unknown")}”, ${count(effort.samples, "sample")}`, effort.method && `, method ${effort.method.toLowerCase().replace("_", " ")}`, effort.ballots && `, ballots: ${effort.ballots.toLowerCase().replace("_", " ")}`, asked && `: ${asked}`, ".");
  const hint = "What would the outcome have been, changed like so?";
  if (!effort.coalitions.length && !effort.others.length) return card("Questions asked", hint, head, effort.questions > 0 && empty("The answers are not in this file: ask for them with audit = AUDIT_FULL."));
  const most = Math.max(...effort.coalitions.map(([, value]) => value), 1e-9);
  const members = (mask) => {
    const inside = episode.agents.filter((_, index) => Math.floor(mask / 2 ** index) % 2 === 1);
    if (!inside.length) return h("span", { class: "soft" }, "nobody");
    return inside.length === episode.agents.length ? h("span", {}, "everybody") : inside.map((agent, k) => [k > 0 && ", ", name(agent.id)]);
  };
  const rows = effort.coalitions.map(([mask, value]) => h("tr", {}, cell(members(mask)), cell(h("div", { class: "track thin" }, h("i", { class: "step total", style: { left: "0", width: `${Math.max(0, value / most) * 100}%` } })), "wide"), cell(plain(value), "number")));
  const others = effort.others.map(([kind, subject, value]) => h("tr", {}, cell(kind === "messages" ? `messages ${subject.join(", ")}` : `${kind} ${subject[0]}`), cell(""), cell(plain(value), "number")));
  const all = [...rows, ...others];
  const shown = all.slice(0, 16);
  const body = h("div", {}, table(["Who takes part", "", ["Outcome", "number"]], shown, { class: "asked", label: "Questions and answers" }));
  if (all.length > shown.length) body.append(h("button", { type: "button", class: "link", on: { click: () => body.replaceChildren(table(["Who takes part", "", ["Outcome", "number"]], all, { class: "asked", label: "Questions and answers" })) } }, `Show ${all.length} answers`));
  return card("Questions asked", hint, head, body);
}

function synergyCard(episode) {
  if (!episode.interactions.length) return null;
  const values = new Map(episode.interactions.map(([i, j, index]) => [`${i},${j}`, index]));
  const value = (i, j) => values.get(`${i},${j}`) ?? values.get(`${j},${i}`) ?? null;
  const most = Math.max(...[...values.values()].map(Math.abs), 1e-9);
  return card("Together or instead of each other", "Blue: two agents are worth more together than apart. Orange: redundant, one would do without the other. Zero: they do not touch.", matrix(episode.agents.map((agent) => agent.id), value, most));
}

function sideText(side, episode) {
  if (!side) return null;
  const other = side.episode === episode.id ? episode : data.episodes.find((candidate) => candidate.id === side.episode);
  const message = other?.messages.find((candidate) => candidate.index === side.begin);
  const text = side.alternative === null ? message?.text : message?.alternatives?.[side.alternative];
  const where = side.alternative === null ? `message ${side.begin}${side.end > side.begin + 1 ? ` to ${side.end - 1}` : ""}` : `an alternative for message ${side.begin}`;
  return [h("span", { class: "soft" }, where, side.episode !== episode.id && [" of ", name(side.episode)], ": "), h("span", { class: "text", dir: "auto" }, text === undefined ? "" : longText(text))];
}

function pairsCard(episode) {
  if (!episode.pairs.length) return null;
  const list = h("ul", { class: "pairs" });
  const section = card("Pairs for preference training", "Both sides continue the same context. The weight is the probability that the place is right.", list);
  const item = (pair) => h("li", {},
    h("div", { class: "who" }, h("b", {}, PAIRS[pair.kind] || pair.kind), h("span", { class: "soft" }, `after ${count(pair.context, "message")}, weight ${plain(pair.weight, 2)}`)),
    pair.chosen && h("div", { class: "side good" }, h("b", {}, "chosen "), sideText(pair.chosen, episode)),
    pair.rejected && h("div", { class: "side bad" }, h("b", {}, "rejected "), sideText(pair.rejected, episode)));
  list.append(...episode.pairs.slice(0, 3).map(item));
  const more = h("button", { type: "button", class: "link", on: { click: () => { more.remove(); lazily(list, episode.pairs.slice(3), item, 20); } } }, `Show all ${episode.pairs.length} pairs`);
  if (episode.pairs.length > 3) list.after(more);
  return section;
}

const groupOf = (episode) => (episode.group ? data.groups.find((candidate) => candidate.id === episode.group && !candidate.error) : null);

// One sentence: what X and K are in this group, and how much K counts.
function madeOf(group) {
  const x = OUTCOME_PARTS[group.outcomePart] || "X is the outcome part";
  const read = group.outcomePart === "CONTROL" && !group.parallel ? " (an approximation: it had read the author)" : "";
  const k = CREDIT_PARTS[group.creditPart];
  return k ? `It is ${percent(1 - group.weight)} X and ${percent(group.weight)} K: ${x}${read}; ${k}.` : `It is X alone: ${x}${read}.`;
}

function advantagesOf(episode) {
  const entry = groupOf(episode)?.episodes.find(([id]) => id === episode.id);
  return new Map((entry ? entry[2] : []).map((row) => [row[0], row]));
}

function groupCard(episode) {
  const group = groupOf(episode);
  const entry = group?.episodes.find(([id]) => id === episode.id);
  if (!entry) return null;
  const noise = group.reliability < 1 && CREDIT_PARTS[group.creditPart] ? ` ${percent(1 - group.reliability)} of the differences in K is noise, and K counts that much less.` : "";
  return card("Among the runs of its task", `Advantages compare the runs of one task. ${madeOf(group)}${noise}`,
    h("p", {}, "Group ", name(group.id), `: ${count(group.used, "run")} scored, mean score ${plain(group.mean)}, spread ${plain(group.std)}. The score of this run stands at `, h("b", { class: tone(entry[1]) }, signed(entry[1])), "."),
    teamsOf(group, entry));
}

// What each author's messages are worth across the runs: here, and where they are worth most.
function teamsOf(group, entry) {
  if (!group.teams) return null;
  if (group.teams.error) return h("p", {}, "No teams were put together from the runs: ", visible(group.teams.error));
  const how = group.teams.questions ? `${count(group.teams.questions, "team")} graded by ${visible(group.teams.evaluator)}` : "ballots counted";
  const across = new Map();
  for (const [id, , , values] of group.episodes) {
    for (const [agent, value] of values) across.set(agent, [...(across.get(agent) || []), [id, value]]);
  }
  const row = ([agent, value, error]) => {
    const known = across.get(agent);
    const [where, most] = known.reduce((best, next) => (next[1] > best[1] ? next : best));
    const mean = known.reduce((sum, [, v]) => sum + v, 0) / known.length;
    const run = data.episodes.find((candidate) => candidate.id === where);
    return h("tr", {}, h("th", { scope: "row" }, name(agent)), cell(plain(value) + (error ? ` ± ${plain(error)}` : ""), "number"), cell(plain(mean), "number"), cell(plain(most), "number"),
      cell(where === entry[0] ? "this one" : run ? h("a", { href: `#/e/${data.episodes.indexOf(run)}` }, name(where)) : name(where)));
  };
  return h("div", {}, h("p", {}, `Each author's messages were tried in teams with everybody else's messages of ${count(group.teams.siblings, "other run")} (${how}). What they are worth there:`),
    table(["Author", ["In this run", "number"], ["On average", "number"], ["At most", "number"], "In run"], entry[3].map(row), { label: "Worth in the teams of all runs" }));
}

function provenance(episode) {
  const options = optionsOf(episode);
  return h("details", { class: "card" }, h("summary", {}, "Where these numbers come from"),
    h("p", {}, `Software ${visible(data.version || "unknown")}.`, episode.sha256 && [" SHA-256 of the episode: ", h("code", { class: "hash" }, episode.sha256), "."]),
    h("p", {}, "Check them yourself: ", h("code", {}, "python -m assay_rl verify signals.jsonl --episodes episodes.jsonl"), "."),
    options && h("pre", {}, visible(options.text)));
}
