"use strict";
// Everything is built with createElement and text nodes: no string ever becomes markup.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "style") for (const [property, setting] of Object.entries(value)) node.style.setProperty(property, setting);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Control characters and marks that reorder text are shown, not obeyed.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
function visible(text) {
  return String(text).replace(HIDDEN, (char) => {
    const code = char.charCodeAt(0);
    if (code === 13) return "";
    if (code < 32) return String.fromCharCode(0x2400 + code);
    if (code === 127) return "\u2421";
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}
const name = (text) => h("bdi", { class: "name" }, visible(text));

const MINUS = "\u2212";
function plain(value, digits = 3) {
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.5 * 10 ** -digits) return size < 1e-9 ? "0" : (value < 0 ? MINUS : "") + size.toExponential(0).replace("-", MINUS);
  return (value < 0 ? MINUS : "") + size.toFixed(digits);
}
const signed = (value, digits = 3) => (value > 0 && plain(value, digits) !== "0" ? "+" : "") + plain(value, digits);
const percent = (share) => (share > 0 && share < 0.005 ? "<1 %" : `${Math.round(share * 100)} %`);
const tiny = (value) => (value === 0 ? "0" : value.toExponential(1).replace("-", MINUS));
const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);
const tone = (value, scale = 1) => (value > 1e-9 * scale ? "good" : value < -1e-9 * scale ? "bad" : "none");

const LABELS = {
  SOUND: ["✓", "Sound", "Success was likely before and after this message."],
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
const EVIDENCE = {
  OWEN: "how much each message changed the outcome when messages were left out (Owen values)",
  PREFIX: "how the expected outcome changed from message to message",
  SCORES: "process scores of the messages",
  EQUAL: "equal shares: nothing told the messages apart",
};
// What an advantage is made of: its outcome part X and its credit part K.
const OUTCOME_PARTS = {
  OUTCOME: "X is the run's score against the other runs of the task",
  CONTROL: "X is the run's score against the other runs, less what the rest of the team explains of it",
  RECOMBINED: "X is what the author's messages are worth in the teams of all runs",
};
const CREDIT_PARTS = {
  VALUES: "K is how much the message changed the expected score",
  CREDIT: "K is what the message is worth to the team, with and without it",
  SCORES: "K is the judge's score of the message",
};
const GRADES = { RIGHT: "right", WRONG: "wrong", UNREADABLE: "unreadable" };
const PAIRS = {
  STEP: "At the first error: a better alternative over what was said",
  REPAIR: "At the repair: the repair over an alternative that did not help",
  SIBLING: "Two runs of the task part here: the better branch over the worse",
  SUFFIX: "From the same prefix: the better continuation over the worse",
  TRAJECTORY: "Two runs of the task: the better over the worse",
  ONE_SIDED: "One message that is desirable or undesirable by itself",
};

function chip(label) {
  const [icon, text, meaning] = LABELS[label] || ["", label, ""];
  return h("span", { class: `chip label-${label}`, title: meaning }, h("span", { "aria-hidden": "true" }, icon), ` ${text}`);
}

// A bar from zero to the left (loss) or right (gain); the number stands beside it.
function diverging(value, most, what) {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) * 50 : 0;
  const bar = h("i", { class: tone(value, most), style: { left: `${value < 0 ? 50 - share : 50}%`, width: `${share}%` } });
  return h("span", { class: "diverging", role: "img", "aria-label": `${what} ${signed(value)}` }, bar);
}

// What speaks for or against an agent: its credit, or where only the outcome is known, the sum of its rewards.
const onlyOutcome = (episode) => episode.effort?.evaluator === "outcome";
const standing = (episode, agent) => (onlyOutcome(episode) ? agent.total : agent.credit);

const color = (index) => `var(--agent-${index % 8})`;
const dot = (index) => h("span", { class: "dot", "aria-hidden": "true", style: { background: index < 0 ? "var(--line)" : color(index) } });
const optionsOf = (episode) => (episode.options === null || episode.options === undefined ? null : data.options[episode.options]);
const scored = (episode) => episode.messages.filter((message) => message.reward !== undefined);

// Adds items to a list as the reader comes near its end.
function lazily(parent, items, make, step) {
  let next = 0;
  const sentinel = h("div", { class: "sentinel" });
  parent.after(sentinel);
  const more = () => {
    parent.append(...items.slice(next, next + step).map(make));
    next += step;
    if (next >= items.length) {
      observer.disconnect();
      sentinel.remove();
    }
  };
  const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && more(), { rootMargin: "800px" });
  more();
  if (next < items.length) observer.observe(sentinel);
  return {
    upTo(index) { while (next <= index && next < items.length) more(); },
    stop() { observer.disconnect(); sentinel.remove(); },
  };
}

const card = (title, hint, ...content) => h("section", { class: "card" }, h("h2", {}, title), hint && h("p", { class: "hint" }, hint), ...content);
const empty = (text) => h("p", { class: "empty" }, text);
function table(head, rows, attributes = {}) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": attributes.label || "table" },
    h("table", { class: attributes.class },
      h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col", class: typeof cell === "string" ? null : cell[1] }, typeof cell === "string" ? cell : cell[0])))),
      h("tbody", {}, rows)));
}
const cell = (content, kind) => h("td", { class: kind }, content);
