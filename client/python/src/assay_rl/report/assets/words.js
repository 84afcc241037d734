"use strict";
// What the values of the wire are called, for people.

const LABELS = {
  SOUND: ["●", "Sound", "Success was likely before and after this message."],
  FIRST_ERROR: ["✕", "First error", "The earliest message after which success was no longer likely."],
  ERROR: ["✕", "Error", "Another message that turned a likely success into an unlikely one."],
  REPAIR: ["↻", "Repair", "Turned an unlikely success back into a likely one."],
  REPAIR_ATTEMPT: ["↻", "Repair attempt", "Tried to repair, but success stayed unlikely."],
  FAILURE_ALIGNED: ["↓", "Carries the error on", "Written after the error, with evidence against it, and tried nothing new."],
  NEUTRAL: ["·", "Neutral", "Nothing is claimed about this message."],
};
const TIERS = {
  ANNOTATION: "a person's annotation",
  ROLLOUTS: "rollouts from the states between messages",
  SCORES: "process scores of the messages",
  TEXT: "the texts, by a fitted prior",
  NONE: "nothing: no evidence was given",
};
// Which prior read the texts, where one was asked for.
function priorWords(first) {
  if (first.prior === "FITTED") return ` The prior was fitted on ${visible(first.source)}, with ${percent(first.weight)} of the weight.`;
  if (first.prior === "GENERAL") return " The prior is of what carries over between teams.";
  if (first.prior === "FLAT" && first.source) return ` The episode is foreign to the fitted prior, whose weight is ${percent(first.weight)}.`;
  return "";
}
const EVIDENCE = {
  OWEN: "how much each message changed the outcome when messages were left out (Owen values)",
  PREFIX: "how the expected outcome changed from message to message",
  SCORES: "process scores of the messages",
  EQUAL: "equal shares: nothing told the messages apart",
};
// A check mark stands for a right answer or a success, and for nothing else.
const GRADES = { RIGHT: ["✓", "right answer", "good"], WRONG: ["✗", "wrong answer", "bad"], UNREADABLE: ["?", "answer not readable", "none"] };
const PAIRS = {
  STEP: "At the first error: a better alternative over what was said",
  REPAIR: "At the repair: the repair over an alternative that did not help",
  SIBLING: "Two episodes of the group part here: the better branch over the worse",
  SUFFIX: "From the same prefix: the better continuation over the worse",
  TRAJECTORY: "Two episodes of the group: the better over the worse",
  PEER: "Two episodes of the group: messages of one author, by what they are worth in the teams of all episodes",
  ONE_SIDED: "One message that is desirable or undesirable by itself",
};

const PAIRS_APART = "Pairs do not follow advantages: they say what is better where two texts part, so a chosen message can have an advantage below 0.";

function chip(label) {
  const [icon, text, meaning] = LABELS[label] || ["", label, ""];
  return h("span", { class: `chip label-${label}`, title: meaning }, h("span", { "aria-hidden": "true" }, icon), ` ${text}`);
}

// How an answer compares with the reference: by the service's grade; without one only equality can be told.
function answerMark(message, episode) {
  if (message.grade) {
    const [icon, text, kind] = GRADES[message.grade] || ["", message.grade, "none"];
    return h("span", { class: `grade ${kind}` }, h("span", { "aria-hidden": "true" }, icon), ` ${text}`);
  }
  const reference = (episode.reference || "").trim();
  if (!reference || message.answer === undefined) return null;
  return message.answer.trim() === reference ? h("span", { class: "grade good" }, h("span", { "aria-hidden": "true" }, "✓"), " the reference answer") : h("span", { class: "grade none" }, "not the reference's words");
}

// Whether the group's advantages have a credit part, be it one that this page has words for or not.
function hasCreditPart(group) {
  return Boolean(group.creditPart) && group.creditPart !== "NONE";
}

// One sentence: what X and K are in this group, and how much of an advantage each of them is.
function madeOf(group, what = "It") {
  const x = data.parts.outcome[group.outcomePart] || `X is the outcome part ${group.outcomePart}`;
  const read = group.outcomePart === "CONTROL" && !group.parallel ? " (an approximation: the rest had read the author)" : "";
  const k = data.parts.credit[group.creditPart] || `K is the credit part ${group.creditPart}`;
  return hasCreditPart(group) ? `${what} is ${percent(1 - group.weight)} X and ${percent(group.weight)} K: ${x}${read}; ${k}.` : `${what} is X alone: ${x}${read}.`;
}

// What is left to train on where the outcomes of a group tell nothing apart.
function trainedOn(group) {
  const rows = group.episodes.flatMap(([, , messages]) => messages);
  const some = (place) => rows.some((row) => Math.abs(row[place]) > 1e-9);
  if (!rows.length || some(3)) return null;
  return some(2) ? `X is 0 for every message here, yet the group is not left out: what is trained on is K alone, times its share of ${percent(group.weight)}.` : "X and K are 0 for every message here: nothing is trained on in this group.";
}
