"use strict";
// Everything is built with createElement and text nodes: no string ever becomes markup.

let data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
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

// An id of 64 characters ends in what makes it different as often as it begins with it: the middle is left out.
function short(text, most = 40) {
  const shown = visible(text);
  if (shown.length <= most) return shown;
  const front = Math.floor((most - 1) / 3);
  return `${shown.slice(0, front)}…${shown.slice(shown.length - (most - 1 - front))}`;
}
const shortName = (text, most) => h("bdi", { class: "name", title: visible(text).slice(0, 500) }, short(text, most));

// A remark behind a word, apart from it for those who hear the page as well.
const small = (...content) => [" ", h("small", {}, ...content)];

const MINUS = "\u2212";
function plain(value, digits = 3) {
  if (typeof value !== "number") return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.5 * 10 ** -digits) return size < 1e-9 ? "0" : (value < 0 ? MINUS : "") + size.toExponential(0).replace("-", MINUS);
  return (value < 0 ? MINUS : "") + size.toFixed(digits);
}
const signed = (value, digits = 3) => (value > 0 && plain(value, digits) !== "0" ? "+" : "") + plain(value, digits);
const percent = (share) => (share > 0 && share < 0.005 ? "<1 %" : share < 1 && share >= 0.995 ? ">99 %" : `${Math.round(share * 100)} %`);
const tiny = (value) => (value === 0 ? "0" : value.toExponential(1).replace("-", MINUS));
// A whole number with marks between its thousands; the browser's own formats take longer to load than the page.
const whole = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
const count = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);
// A number with all its digits behind what is shown of it.
const figure = (value, format = plain, ...rest) => (value === null || value === undefined ? "–" : h("data", { value }, format(value, ...rest)));
const tone = (value, scale = 1) => (value > 1e-9 * scale ? "good" : value < -1e-9 * scale ? "bad" : "none");

// A bar from zero to the left (loss) or right (gain); the number stands beside it.
function diverging(value, most, what) {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) * 50 : 0;
  const bar = h("i", { class: tone(value, most), style: { left: `${value < 0 ? 50 - share : 50}%`, width: `${share}%` } });
  return h("span", { class: "diverging", role: "img", "aria-label": `${what} ${signed(value)}` }, bar);
}

// Credit answers what other teams would have got. Where nobody was asked, an agent only has a share of the outcome.
const onlyOutcome = (episode) => episode.effort?.evaluator === "outcome";
// The score is not what the evaluator gives the whole team.
const differs = (episode) => !onlyOutcome(episode) && Math.abs(episode.unexplained) > 0;
const standing = (episode, agent) => (onlyOutcome(episode) ? agent.total : agent.credit);
// Whether anything speaks for one agent or message over another.
const hasEvidence = (episode) => !onlyOutcome(episode) || (episode.success ? Boolean(episode.evidence) && episode.evidence !== "EQUAL" : episode.first.tier !== "NONE");

// A failure of which nothing says who or what it was.
const nothingTells = (episode) => !episode.success && !hasEvidence(episode);

const optionsOf = (episode) => (episode.options === null || episode.options === undefined ? null : data.options[episode.options]);
// From which score on an episode is a success, where that is one for all of the page.
function thresholdWords() {
  const thresholds = new Set(data.options.map((options) => options.theta));
  return thresholds.size === 1 ? `from a score of ${plain([...thresholds][0], 2)} on` : "";
}
const scored = (episode) => episode.messages.filter((message) => message.reward !== undefined);

// Adds items to a list as the reader comes near its end, which is that of `around`.
function lazily(parent, items, make, step, around = parent) {
  let next = 0;
  const sentinel = h("div", { class: "sentinel" });
  around.after(sentinel);
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

// A section with a title; what it shows can be taken out of the page where there is a table or a chart in it.
function card(title, hint, ...content) {
  const section = h("section", { class: "card" }, h("h2", {}, title), hint && h("p", { class: "hint" }, hint), ...content);
  if (section.querySelector("table, svg, .changes")) section.firstChild.after(saving(section, title));
  return section;
}
const empty = (text) => h("p", { class: "empty" }, text);
function table(head, rows, attributes = {}) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": attributes.label || "table" },
    h("table", { class: attributes.class },
      h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col", class: typeof cell === "string" ? null : cell[1] }, typeof cell === "string" ? cell : cell[0])))),
      h("tbody", {}, rows)));
}
const cell = (content, kind) => h("td", { class: kind }, content);
