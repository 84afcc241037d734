"use strict";
// The episodes that the filters let through, one a row.

function episodesPage(episodes) {
  const page = h("div", { class: "page" }, h("h1", {}, "Episodes"),
    h("p", { class: "lead" }, `${count(episodes.length, "episode")}${state.all ? "" : " that the filters let through"}, in the order chosen beside the filters. An episode is one attempt of the team at a task.`), notices(state.all));
  if (!episodes.length) {
    page.append(empty("No episode matches."));
    return page;
  }
  const head = ["Episode", ...(severalSteps() ? [["Step", "number"]] : []), ...(data.groups.length ? ["Group"] : []), ["Score", "number"], ["Team's value", "number"], "Helped most", "Hurt most", "First error", ["Messages", "number"], ["Questions", "number"]];
  const shown = table(head, [], { label: "Episodes", class: "episodes" });
  shown.querySelector("table").series = () => episodeSeries(episodes);
  lazily(shown.querySelector("tbody"), episodes, episodeRow, 40, shown);
  page.append(card("One a row", "Helped and hurt most: the agents with the highest credit above zero and the lowest below it; where nobody was asked what other teams would have got, their shares of the outcome.", shown));
  return page;
}

function episodeSeries(episodes) {
  return [["episode", "step", "group", "success", "score", "team_value", "first_error", "messages", "questions"], ...episodes.map((episode) => [visible(episode.id), episode.step ?? "", visible(episode.group || ""),
    ...(episode.error ? ["", "", "", ""] : [String(episode.success), episode.score, onlyOutcome(episode) ? "" : episode.grand, episode.first.index ?? ""]), episode.messages.length, episode.effort?.questions ?? ""])];
}

function episodeRow(episode) {
  const first = h("th", { scope: "row" }, marked(verdictMark(episode), h("a", { href: addressOf(episode) }, shortName(distinct(episode.id), 26))));
  const group = groupOf(episode), step = severalSteps() && cell(figure(episode.step, whole), "number");
  const groupCell = data.groups.length > 0 && cell(group ? h("a", { href: groupAddress(group) }, shortName(group.id, 20)) : "–");
  if (episode.error) return h("tr", {}, first, step, groupCell, h("td", { colspan: 7 }, short(episode.error.message, 120)));
  const told = hasEvidence(episode) ? [...episode.agents].sort((a, b) => standing(episode, b) - standing(episode, a)) : [], best = told[0], worst = told.at(-1);
  return h("tr", {}, first, step, groupCell, cell(figure(episode.score), "number"), cell(onlyOutcome(episode) ? "–" : figure(episode.grand), "number"),
    cell(best && standing(episode, best) > 1e-9 ? agentWith(episode, best) : "–"), cell(worst && standing(episode, worst) < -1e-9 ? agentWith(episode, worst) : "–"),
    cell(episode.first.index === null ? "–" : [`message ${episode.first.index}, `, figure(episode.first.probability, percent)]), cell(figure(episode.messages.length, whole), "number"), cell(figure(episode.effort.questions, whole), "number"));
}

const agentWith = (episode, agent) => [agentName(agent, 14), " ", h("span", { class: tone(standing(episode, agent)) }, figure(standing(episode, agent), signed))];
