"use strict";

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
  const copy = h("button", { type: "button", "aria-label": "Copy the link to this episode", title: "Copy the link to this episode" }, "Link");
  const said = h("span", { class: "soft", role: "status" });
  copy.addEventListener("click", async () => {
    const address = new URL(addressOf(episode), location.href).href;
    try {
      await navigator.clipboard.writeText(address);
      said.textContent = "copied";
    } catch {
      said.textContent = "it is the page's address";
    }
  });
  return h("div", { class: "episode-head" },
    h("a", { href: "#/episodes", class: "back" }, "← Episodes"),
    h("h1", {}, name(episode.id), severalSteps() && small(`step ${episode.step}`)),
    h("div", { class: "steps" }, said, copy,
      h("button", { type: "button", on: { click: () => go(-1) }, disabled: position <= 0, "aria-label": "Previous episode (k)" }, "↑"),
      h("span", { class: "soft" }, position < 0 ? "" : `${position + 1} of ${total}`),
      h("button", { type: "button", on: { click: () => go(1) }, disabled: position < 0 || position >= total - 1, "aria-label": "Next episode (j)" }, "↓")));
}

// Four answers in words, before any chart.
function verdict(episode, open) {
  const options = optionsOf(episode);
  const box = (title, ...content) => h("section", { class: "answer" }, h("h2", {}, title), ...content);
  const threshold = options ? [`; from ${plain(options.theta, 2)} on it counts as a success`] : [];
  return h("div", { class: "verdict" },
    h("p", { class: `outcome ${episode.success ? "good" : "bad"}` }, h("b", {}, episode.success ? "✓ The team succeeded" : "✕ The team failed"), " with a score of ", figure(episode.score), threshold, ".",
      episode.truncated && " The episode was cut off by a limit.", episode.partial && " This is a partial estimate."),
    againstValue(episode),
    h("div", { class: "answers" },
      box("Who helped", ...whoHelped(episode)),
      nothingTells(episode) ? box("Nothing tells the messages apart", ...waysToFindOut(episode)) : box("Who hurt", ...whoHurt(episode)),
      box("Where it went wrong", ...whereWrong(episode, open)),
      box("Why the numbers add up", ...whyAdds(episode, options))));
}

// Credit shares out v(N), the evaluator's value of the whole team. Where the episode ended elsewhere that is said.
function againstValue(episode) {
  if (!differs(episode)) return null;
  return h("p", { class: "soft" }, "The evaluator gives the whole team ", figure(episode.grand), "; the episode got ", figure(episode.score), ". The difference of ", figure(episode.unexplained, signed), " is nobody's credit.");
}

function people(episode, agents, note) {
  return h("ul", {}, agents.slice(0, 4).map((agent) => h("li", {}, agentName(agent, 32), h("b", { class: tone(standing(episode, agent)) }, " ", figure(standing(episode, agent), signed)), note(agent))),
    agents.length > 4 && h("li", { class: "soft" }, `and ${agents.length - 4} more`));
}

// Credit and the messages' rewards answer two questions; where their signs differ both are told.
const against = (agent, sign) => agent.credit * agent.total < 0 && Math.abs(agent.total) > 1e-9 && small(sign > 0 ? "though its messages carry " : "though its messages keep ", figure(agent.total, signed));

function whoHelped(episode) {
  const sorted = [...episode.agents].sort((a, b) => standing(episode, b) - standing(episode, a));
  const helped = sorted.filter((agent) => standing(episode, agent) > 1e-9);
  const idle = sorted.filter((agent) => Math.abs(standing(episode, agent)) <= 1e-9).length;
  if (!onlyOutcome(episode)) {
    return [helped.length ? people(episode, helped, (agent) => against(agent, 1)) : h("p", {}, "Nobody made the team better."), idle > 0 && h("p", { class: "soft" }, `${count(idle, "agent")} made no difference.`)];
  }
  if (!hasEvidence(episode)) return [h("p", {}, "Not known: nobody was asked what other teams would have got, and nothing tells the agents apart."), episode.success && h("p", { class: "soft" }, "The outcome is shared alike.")];
  return [helped.length ? people(episode, helped, () => null) : h("p", {}, "Nobody earned a reward."), helped.length > 0 && h("p", { class: "soft" }, "Shares of the outcome by the evidence on its messages, not credit.")];
}

function whoHurt(episode) {
  const hurt = episode.agents.filter((agent) => standing(episode, agent) < -1e-9).sort((a, b) => standing(episode, a) - standing(episode, b));
  if (!onlyOutcome(episode)) {
    return [hurt.length ? people(episode, hurt, (agent) => against(agent, -1)) : h("p", {}, "Nobody made the team worse."), hurt.length > 0 && h("p", { class: "soft" }, "On average over the teams that could be formed, it was worse to have them.")];
  }
  if (!hasEvidence(episode)) return [h("p", {}, "Not known.")];
  return [hurt.length ? people(episode, hurt, () => null) : h("p", {}, "Nobody carries blame."), hurt.length > 0 && h("p", { class: "soft" }, "The blame of their messages.")];
}

// What would tell, and at what price. Not of an episode that was cut off: nothing is claimed of it.
function waysToFindOut(episode) {
  const alike = h("p", {}, "All carry the shortfall alike; that is no claim about anybody.");
  if (episode.truncated) return [alike];
  const spoken = scored(episode).length, rounds = Math.ceil(Math.log2(Math.max(1, episode.messages.length)));
  return [alike, h("p", { class: "soft" }, "To find out, cheapest first:"), h("ul", { class: "soft" },
    h("li", {}, `mark the first error by hand: no calls, ${count(spoken, "message")} to read;`),
    h("li", {}, `let a judge grade them (assay-rl judge): 1 call for all, or ${spoken} one by one;`),
    h("li", {}, `roll out from the states between them: at most ${Math.max(8, 8 * rounds)} calls.`))];
}

function jump(index, open, text) {
  return h("button", { type: "button", class: "link", on: { click: () => open(index) } }, text);
}

// Rollouts that no environment could make: what was found rests on the others.
function lostRollouts({ effort }) {
  if (!effort || !effort.failed) return "";
  const lost = effort.lost.length ? `, and nothing is known of the state before message ${effort.lost.join(", ")}` : "";
  return ` ${count(effort.failed, "rollout")} could not be made${lost}; they are no evidence.`;
}

const evidenceWords = (episode) => `Evidence: ${TIERS[episode.first.tier] || episode.first.tier}.${priorWords(episode.first)}${lostRollouts(episode)}`;

function whereWrong(episode, open) {
  const { first } = episode;
  const author = (index) => episode.messages.find((message) => message.index === index)?.agent ?? "";
  if (first.index !== null) {
    const lines = [h("p", {}, "At ", jump(first.index, open, `message ${first.index}`), " by ", name(author(first.index)), `, ${percent(first.probability)} sure.`)];
    if (first.decisive !== null && first.decisive !== first.index) lines.push(h("p", {}, "For good at ", jump(first.decisive, open, `message ${first.decisive}`), " by ", name(author(first.decisive)), "."));
    const mended = episode.messages.filter((message) => message.label === "REPAIR");
    if (mended.length) lines.push(h("p", {}, "Repaired at ", mended.slice(0, 5).map((message, k) => [k ? ", " : "", jump(message.index, open, `message ${message.index}`)]), "."));
    lines.push(h("p", { class: "soft" }, evidenceWords(episode)));
    return lines;
  }
  if (episode.success) return [h("p", {}, "Nowhere: the team succeeded, and no error is claimed.")];
  if (first.tier === "NONE") return [h("p", {}, "Unknown. Nothing tells its messages apart, so no first error is claimed.", priorWords(first), lostRollouts(episode))];
  if (first.environment >= 0.5) return [h("p", {}, first.context !== null && ["At ", jump(first.context, open, `message ${first.context}`), ". "], `With the environment: ${percent(first.environment)} sure that no agent's message, but a reply to one, cost the success. That share of the shortfall is nobody's.`), h("p", { class: "soft" }, evidenceWords(episode))];
  return [h("p", {}, `Unclear. The most suspect message has ${percent(first.probability)}; not enough to claim it.`), h("p", { class: "soft" }, evidenceWords(episode))];
}

function whyAdds(episode, options) {
  const { ledger } = episode;
  const rest = Math.abs(ledger.unallocated) > 1e-12 ? ` and ${signed(ledger.unallocated)} that no message could take` : "";
  const lines = episode.success
    ? [h("p", {}, onlyOutcome(episode)
      ? `The team got ${plain(episode.score)}, ${signed(ledger.target)} over the lower end of the range. The messages' rewards share it out${rest}.`
      : `The value with everybody is ${plain(episode.grand)}, with nobody ${plain(episode.baseline)}: ${signed(ledger.target)} to share. Credits sum to it, and so do the messages' rewards${rest}.`)]
    : [h("p", {}, `The team fell ${plain(Math.abs(ledger.target))} short${options ? ` of ${plain(options.reference, 2)}` : ""}. The messages' rewards sum to ${signed(ledger.allocated)}${rest}.`)];
  lines.push(h("p", { class: "soft" }, `What was shared and what was to be shared differ by ${tiny(ledger.error)}.`));
  return lines;
}

function posteriorCard(episode, open) {
  const { first } = episode;
  const informative = scored(episode).some((message) => message.p[0] > 0 || message.p[2] > 0);
  if (!informative || (episode.success && first.index === null) || (first.tier === "NONE" && first.index === null)) {
    const why = episode.success ? "The team succeeded and nothing speaks for an error." : `No evidence about single messages was given, so suspicion is only spread by ${onlyOutcome(episode) ? "length" : "credit"}; nothing is claimed.`;
    return card("Where it went wrong, message by message", why, !episode.success && informative && h("details", {}, h("summary", {}, "Show the spread of suspicion"), posteriorChart(episode, open)));
  }
  return card("Where it went wrong, message by message", null,
    h("p", { class: "hint legend" }, h("i", { class: "key first" }), "first error ", h("i", { class: "key error" }), "any error ", h("i", { class: "key repair" }), `repair (downwards). Probability that no message was the first error: ${percent(first.none)}${first.environment > 0 ? `, that it was the environment: ${percent(first.environment)}` : ""}. With 80 % probability it is one of: ${first.set.join(", ") || "none"}.`),
    posteriorChart(episode, open));
}

function ledgerCard(episode) {
  const { ledger } = episode;
  const credited = !onlyOutcome(episode);
  const rows = episode.agents.map((agent) => {
    const own = episode.messages.filter((message) => message.agent === agent.id && message.reward !== undefined);
    const holds = Math.abs(agent.credit - agent.total - agent.unallocated) <= 1e-9 * Math.max(1, Math.abs(agent.credit));
    const verdict = episode.success && credited && h("span", { class: holds ? "good" : "bad" }, holds ? "✓" : "✕");
    return h("tr", {}, h("th", { scope: "row" }, marked(agentDot(agent), name(agent.id))), credited && cell(figure(agent.credit, signed), "number"), cell(figure(agent.total, signed), "number"), cell(agent.unallocated ? figure(agent.unallocated, signed) : "–", "number"),
      cell(String(own.length), "number"), cell([verdict, agent.relaxed && h("span", { title: "Conserved only against the sign of the evidence" }, " signs relaxed")], "number"));
  });
  rows.push(h("tr", { class: "sum" }, h("th", { scope: "row" }, "Sum"), credited && cell(figure(sum(episode.agents.map((agent) => agent.credit)), signed), "number"), cell(figure(ledger.allocated, signed), "number"), cell(figure(ledger.unallocated, signed), "number"),
    cell(String(scored(episode).length), "number"), cell(h("span", { class: ledger.error <= 1e-9 ? "good" : "bad" }, ledger.error <= 1e-9 ? "✓" : "✕"), "number")));
  const target = episode.success ? "value with everybody less value with nobody" : "score less the reference, to be shared as blame";
  return card("The ledger", !credited && episode.success ? "The rewards share out what the team got." : episode.success ? "What each agent earned, and what its messages got of it." : credited ? "Credit says what an agent was worth; the rewards of a failure share out its shortfall. They are two different sums." : "The rewards share out what the team fell short.",
    table(["Agent", ...(credited ? [["Credit", "number"]] : []), ["Sum of rewards", "number"], ["Unallocated", "number"], ["Messages", "number"], ["Adds up", "number"]], rows, { label: "Ledger" }),
    h("p", { class: "equation" }, `${signed(ledger.allocated, 6)} (rewards) + ${plain(ledger.unallocated, 6)} (unallocated) = ${signed(ledger.target, 6)}`, small(target)),
    ledger.gap ? h("p", { class: "soft" }, `The estimate missed the sum by ${tiny(ledger.gap)}; that was returned to the agents.`) : null);
}

function questionsCard(episode) {
  const { effort } = episode;
  const kinds = { coalition: "with only these agents", messages: "with only these messages", prefix: "from this point on", correction: "with this message corrected", message_scores: "scores of all messages" };
  const asked = Object.entries(effort.counts).map(([kind, number]) => `${whole(number)} ${kinds[kind] || kind}`).join(", ");
  const head = h("p", {}, h("b", {}, count(effort.questions, "question")), ` to “${visible(effort.evaluator || "unknown")}”, ${count(effort.samples, "sample")}`, effort.method && `, method ${effort.method.toLowerCase().replace("_", " ")}`, effort.ballots && `, ballots: ${effort.ballots.toLowerCase().replace("_", " ")}`, asked && `: ${asked}`, ".");
  const hint = "What would the outcome have been, changed like so?";
  if (!effort.coalitions.length && !effort.others.length) return card("Questions asked", hint, head, effort.questions > 0 && empty("The answers are not in this file: ask for them with audit = AUDIT_FULL."));
  const most = Math.max(...effort.coalitions.map(([, value]) => value), 1e-9);
  const members = (mask) => {
    const inside = episode.agents.filter((_, index) => Math.floor(mask / 2 ** index) % 2 === 1);
    if (!inside.length) return h("span", { class: "soft" }, "nobody");
    return inside.length === episode.agents.length ? h("span", {}, "everybody") : inside.map((agent, k) => [k > 0 && ", ", name(agent.id)]);
  };
  const rows = effort.coalitions.map(([mask, value]) => h("tr", {}, cell(members(mask)), cell(h("div", { class: "track thin" }, h("i", { class: "step total", style: { left: "0", width: `${Math.max(0, value / most) * 100}%` } })), "wide"), cell(figure(value), "number")));
  const others = effort.others.map(([kind, subject, value]) => h("tr", {}, cell(kind === "messages" ? `messages ${subject.join(", ")}` : `${kind} ${subject[0]}`), cell(""), cell(figure(value), "number")));
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
  return card("Together or instead of each other", "Blue: two agents are worth more together than apart. Orange: substitutes, one would do without the other. Zero: they do not touch.", matrix(episode.agents.map((agent) => agent.id), value, most));
}

function sideText(side, episode) {
  if (!side) return null;
  const other = side.episode === episode?.id ? episode : episodeById(side.episode, episode?.step);
  const message = other?.messages.find((candidate) => candidate.index === side.begin);
  const text = side.alternative === null ? message?.text : message?.alternatives?.[side.alternative];
  const where = side.alternative === null ? `message ${side.begin}${side.end > side.begin + 1 ? ` to ${side.end - 1}` : ""}` : `an alternative for message ${side.begin}`;
  return [h("span", { class: "soft" }, where, side.episode !== episode?.id && [" of ", other ? h("a", { href: addressOf(other) }, shortName(side.episode)) : shortName(side.episode)], ": "), h("span", { class: "text", dir: "auto" }, text === undefined ? "" : longText(text))];
}

function pairsCard(episode) {
  return episode.pairs.length ? pairList("Pairs for preference training", `Both sides continue the same context. The percentage is how sure it is that the pair stands where it should: at the error, at the repair, or between two messages of which the chosen one is worth more.${groupOf(episode) ? ` ${PAIRS_APART}` : ""}`, episode.pairs, episode) : null;
}

function pairList(title, hint, pairs, episode) {
  const list = h("ul", { class: "pairs" });
  const section = card(title, hint, list);
  const item = (pair) => h("li", {},
    h("div", { class: "who" }, h("b", {}, PAIRS[pair.kind] || pair.kind), h("span", { class: "soft" }, `after ${count(pair.context, "message")}, `, figure(pair.weight, percent), " sure")),
    pair.chosen && h("div", { class: "side good" }, h("b", {}, "chosen "), sideText(pair.chosen, episode)),
    pair.rejected && h("div", { class: "side bad" }, h("b", {}, "rejected "), sideText(pair.rejected, episode)));
  list.append(...pairs.slice(0, 3).map(item));
  const more = h("button", { type: "button", class: "link", on: { click: () => { more.remove(); lazily(list, pairs.slice(3), item, 20); } } }, `Show all ${pairs.length} pairs`);
  if (pairs.length > 3) list.after(more);
  return section;
}

function groupCard(episode) {
  const group = groupOf(episode);
  const entry = group?.episodes.find(([id]) => id === episode.id);
  if (!entry) return null;
  const noise = group.reliability < 1 && hasCreditPart(group) ? ` ${percent(1 - group.reliability)} of the differences in K is noise, and K counts that much less.` : "";
  return card("In its group", `Advantages compare the episodes of one task. ${madeOf(group, "An advantage")}${noise}`,
    h("p", {}, "Group ", h("a", { href: groupAddress(group) }, shortName(group.id)), `: ${count(group.used, "episode")} scored, mean score `, figure(group.mean), ", spread ", figure(group.std), ". Against the mean this one stands at ", h("b", { class: tone(entry[1]) }, figure(entry[1], signed)), ". ", trainedOn(group), " ", h("a", { href: groupAddress(group) }, "All episodes side by side")),
    teamsOf(group, entry));
}

// What each author's messages are worth across the group: here, and where they are worth most.
function teamsOf(group, entry) {
  if (!group.teams) return null;
  if (group.teams.error) return h("p", {}, "No teams were put together from the episodes: ", visible(group.teams.error));
  const across = new Map();
  for (const [id, , , values] of group.episodes) {
    for (const [agent, value] of values) across.set(agent, [...(across.get(agent) || []), [id, value]]);
  }
  const row = ([agent, value, error]) => {
    const known = across.get(agent);
    const [where, most] = known.reduce((best, next) => (next[1] > best[1] ? next : best));
    const mean = known.reduce((sum, [, v]) => sum + v, 0) / known.length;
    const other = episodeById(where, group.step);
    return h("tr", {}, h("th", { scope: "row" }, name(agent)), cell([figure(value), error ? [" ± ", figure(error)] : ""], "number"), cell(figure(mean), "number"), cell(figure(most), "number"),
      cell(where === entry[0] ? "this one" : other ? h("a", { href: addressOf(other) }, shortName(where)) : shortName(where)));
  };
  return h("div", {}, h("p", {}, `Each author's messages were tried in teams with everybody else's messages of ${count(group.teams.siblings, "other episode")} (${teamsHow(group)}). What they are worth there:`),
    table(["Author", ["In this episode", "number"], ["On average", "number"], ["At most", "number"], "In episode"], entry[3].map(row), { label: WORTH }));
}

function provenance(episode) {
  const options = optionsOf(episode);
  return h("details", { class: "card" }, h("summary", {}, "Where these numbers come from"),
    h("p", {}, `Software ${visible(data.version || "unknown")}.`, episode.sha256 && [" SHA-256 of the episode: ", h("code", { class: "hash" }, episode.sha256), "."]),
    h("p", {}, "Check them yourself: ", h("code", {}, "assay-rl verify signals.jsonl --episodes episodes.jsonl"), "."),
    options && h("pre", {}, visible(options.text)));
}
