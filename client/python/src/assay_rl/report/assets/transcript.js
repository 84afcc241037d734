"use strict";

const FOLDED = 560; // characters of a message before it is opened
const PIECE = 50000; // characters added by each "show more"

// What the bar of a message can be. In a group an advantage comes first: it is what is trained on.
const BARS = {
  advantage: ["advantage", (message, row) => row?.[2], "what a trainer puts on its tokens"],
  outcome: ["X", (message, row) => row?.[3], "its outcome part, the same for all messages of an author"],
  local: ["K", (message, row) => row?.[1], "its credit part, which compares an author's messages with each other"],
  reward: ["reward", (message) => message.reward, "its share of what the team achieved or lacked, for people and preference pairs"],
  credit: ["credit", (message) => message.credit, "what leaving messages out says it was worth"],
};
let chosenBar = null;

function restsOn(episode) {
  if (episode.success) return `Each agent's credit is shared over its messages by ${EVIDENCE[episode.evidence] || "local evidence"}.`;
  if (episode.first.index !== null) return "The shortfall is carried by the errors; what was sound pays nothing, and attempts to repair keep theirs.";
  if (!hasEvidence(episode)) return "Nothing tells its messages apart, so all carry the shortfall alike. That is not a claim about any of them.";
  return "Nothing is located, so the shortfall is shared by suspicion. Whoever was right in a lost cause keeps that.";
}

function barHint(kind, episode) {
  const [title, , meaning] = BARS[kind];
  const sides = "right and blue for a gain, left and orange for a loss.";
  if (kind === "reward") return `The bar is the message's reward, ${meaning}: ${sides} ${restsOn(episode)}`;
  if (kind === "credit") return `The bar is the message's credit: ${sides} ${episode.owen ? "It is its Owen value, " + meaning + "." : "Messages were not asked about one by one: it is an equal share of its author's credit."}`;
  return `The bar is the message's ${title}, ${meaning}: ${sides} ${madeOf(groupOf(episode))}`;
}

function transcript(episode) {
  const list = h("ol", { class: "messages" });
  const authors = new Map(episode.agents.map((agent) => [agent.id, agent]));
  const advantages = advantagesOf(episode);
  const kinds = Object.keys(BARS).filter((kind) => scored(episode).some((message) => BARS[kind][1](message, advantages.get(message.index)) !== undefined));
  const hint = h("p", { class: "hint" });
  const section = h("section", { class: "card" }, h("h2", {}, "The transcript"), episode.error ? null : hint, list);
  let items = null;
  const draw = (kind) => {
    const value = (message) => BARS[kind]?.[1](message, advantages.get(message.index));
    const most = Math.max(...scored(episode).map((message) => Math.abs(value(message) ?? 0)), 0);
    if (kind) hint.replaceChildren(barHint(kind, episode));
    items?.stop();
    list.replaceChildren();
    items = lazily(list, episode.messages, (message) => messageItem(message, episode, authors, [kind, value(message), most], advantages), 40);
  };
  if (kinds.length > 1) hint.before(barChoice(kinds, draw));
  if (kinds.length) {
    section.series = () => [["message", "agent", "label", ...kinds.map((kind) => BARS[kind][0])], ...episode.messages.map((message) => [message.index, visible(message.agent), message.label || "", ...kinds.map((kind) => BARS[kind][1](message, advantages.get(message.index)) ?? "")])];
    section.firstChild.after(saving(section, `${episode.id} messages`));
  }
  if (!episode.messages.length) list.replaceWith(empty("No messages are known: give the episodes file with --episodes."));
  else draw(kinds.includes(chosenBar) ? chosenBar : kinds[0]);
  const open = (index) => {
    items.upTo(episode.messages.findIndex((message) => message.index === index));
    const item = list.querySelector(`[data-index="${Number(index)}"]`);
    item?.scrollIntoView({ block: "center" });
    item?.focus({ preventScroll: true });
  };
  return { node: section, open };
}

function barChoice(kinds, draw) {
  const current = kinds.includes(chosenBar) ? chosenBar : kinds[0];
  return h("fieldset", { class: "choice" }, h("legend", {}, "The bar shows"), kinds.map((kind) => h("label", {},
    h("input", { type: "radio", name: "bar", value: kind, checked: kind === current, on: { change: () => { chosenBar = kind; draw(kind); } } }), BARS[kind][0])));
}

function messageItem(message, episode, authors, [kind, value, most], advantages) {
  const author = authors.get(message.agent);
  const facts = [];
  if (message.round) facts.push(`round ${message.round}`);
  if (message.answer !== undefined) facts.push(["answers ", h("bdi", { class: "code" }, visible(message.answer.slice(0, 120))), " ", answerMark(message, episode)]);
  if (message.q !== undefined) facts.push(`process score ${signed(message.q, 2)}`);
  if (message.rollouts) facts.push(`before it ${message.rollouts[0]} of ${message.rollouts[1]} rollouts succeeded`);
  if (message.rho > 0.05) facts.push(`${percent(message.rho)} said before`);
  if (message.repairs !== undefined) facts.push(`repairs message ${message.repairs}`);
  if (message.annotated) facts.push("annotated as the first error");
  if (message.p && episode.first.tier !== "NONE" && message.p[0] >= 0.01) facts.push(`first error ${percent(message.p[0])}`);
  const row = advantages.get(message.index);
  if (row && kind === "advantage") facts.push(["X ", figure(row[3], signed, 2), ", K ", figure(row[1], signed, 2)]);
  if (row && kind !== "advantage") facts.push(["advantage ", figure(row[2], signed)]);
  if (kind !== "reward" && message.reward !== undefined) facts.push(["reward ", figure(message.reward, signed)]);
  if (kind !== "credit" && message.credit !== undefined) facts.push([episode.owen ? "credit " : "credit (an equal share of its author's) ", figure(message.credit, signed)]);
  return h("li", { class: `message ${author ? "" : "context"} label-${message.label || "none"}`, "data-index": message.index, tabindex: "-1", style: { "--author": author ? color(identity(author)) : "var(--line)" } },
    h("div", { class: "who" },
      h("span", { class: "index" }, String(message.index)), agentDot(author), !author ? h("span", { class: "soft" }, "context, not scored") : name(message.agent),
      message.label && chip(message.label),
      value !== undefined && h("span", { class: "reward", title: BARS[kind][0] }, diverging(value, most, BARS[kind][0]), h("b", { class: tone(value) }, figure(value, signed)))),
    (kind === "advantage" || kind === "local") && madeOfCredit(episode, message),
    facts.length > 0 && h("div", { class: "facts" }, facts.map((fact, k) => [k > 0 && h("span", { "aria-hidden": "true" }, " · "), fact])),
    message.text !== undefined && h("div", { class: "text", dir: "auto" }, longText(message.text)));
}

// Of what the K of a message is made, in its own numbers.
function madeOfCredit(episode, message) {
  const made = creditOf(episode, message);
  if (!made) return null;
  const whose = made.authors > 1 ? "of the messages of its policy" : "of this author's messages";
  return h("div", { class: "facts made" }, "K: ", made.owen ? "its credit " : "its author's credit ", figure(made.credit, signed), `, the mean ${whose} in the group `, figure(made.mean, signed), "; the difference ", figure(made.credit - made.mean, signed), !made.undivided && [" over their spread ", figure(made.spread)], " is K = ", figure(made.k, signed, 2), ".",
    made.credit * made.k < 0 && (made.k < 0 ? " It helped, but less than they did." : " It hurt, but less than they did."));
}

// Long texts open in pieces, so that a line of a megabyte never has to be laid out at once.
function longText(text) {
  if (text.length <= FOLDED) return visible(text);
  const body = h("span", {}, visible(text.slice(0, FOLDED - 60)), "…");
  let shown = 0;
  const button = h("button", { type: "button", class: "link more", "aria-expanded": "false" }, `Show all ${whole(text.length)} characters`);
  button.addEventListener("click", () => {
    if (shown >= text.length) {
      shown = 0;
      body.replaceChildren(visible(text.slice(0, FOLDED - 60)), "…");
      button.textContent = `Show all ${whole(text.length)} characters`;
    } else {
      if (shown === 0) body.replaceChildren();
      body.append(visible(text.slice(shown, shown + PIECE)));
      shown = Math.min(text.length, shown + PIECE);
      button.textContent = shown < text.length ? `Show more: ${whole(text.length - shown)} characters are left` : "Show less";
    }
    button.setAttribute("aria-expanded", String(shown > 0));
  });
  return [body, " ", button];
}
