"use strict";
// What a card shows, taken out of the page: its numbers as CSV, its picture as SVG or PNG. Nothing leaves the browser.

function download(file, type, content) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: file });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

const slug = (text) => visible(text).toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "assay";

// A spreadsheet takes a text that begins like a formula for one.
function csvField(value) {
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
const csv = (rows) => rows.map((row) => row.map(csvField).join(",")).join("\r\n") + "\r\n";

// A cell's numbers with all their digits: those it was given, the one it shows, or its text.
function cellValues(td) {
  if (td.numbers) return td.numbers.map(([, value]) => value ?? "");
  const shown = td.querySelectorAll("data");
  if (shown.length === 1) return [Number(shown[0].value)];
  return [wordsOf(td)];
}

// What a cell says, without what is drawn in it.
function wordsOf(node) {
  const copy = node.cloneNode(true);
  for (const drawn of copy.querySelectorAll("[aria-hidden]")) drawn.remove();
  return copy.textContent.trim();
}

function tableRows(element) {
  const rows = [...element.tBodies[0].rows];
  const first = rows[0] ? [...rows[0].cells] : [];
  const head = [...element.tHead.rows[0].cells].flatMap((th, k) => (first[k]?.numbers ? first[k].numbers.map(([title]) => title) : [wordsOf(th)]));
  return [head, ...rows.map((row) => [...row.cells].flatMap(cellValues))];
}

// Tables as they stand; charts by the series they were drawn from. Several are set apart by an empty line.
function numbersOf(section) {
  const parts = [];
  if (section.series) parts.push(section.series());
  for (const element of section.querySelectorAll("table, svg, div, details")) {
    if (element.series) parts.push(element.series());
    else if (element.tagName === "TABLE" && !element.closest(".drawn")) parts.push(tableRows(element));
  }
  return parts.map(csv).join("\r\n");
}

const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "font-size", "font-weight", "font-family", "text-anchor", "opacity", "visibility"];
function copyOf(chart) {
  const copy = chart.cloneNode(true);
  const from = [chart, ...chart.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, k) => {
    const style = getComputedStyle(node);
    for (const property of DRAWN) to[k].setAttribute(property, style.getPropertyValue(property));
    for (const attribute of ["class", "style", "tabindex", "href"]) to[k].removeAttribute(attribute);
  });
  return copy;
}

const seen = (color) => color && color !== "transparent" && !/^rgba\(.*, 0\)$/.test(color);

// Draws what a part of the page looks like with rectangles and texts only, so that any program can show it.
class Picture {
  constructor(node) {
    this.origin = node.getBoundingClientRect();
    this.width = this.origin.width;
    this.height = this.origin.height;
    this.parts = [];
    this.draw(node);
  }

  place(box) {
    this.width = Math.max(this.width, box.right - this.origin.left + 12);
    this.height = Math.max(this.height, box.bottom - this.origin.top + 6);
    return [box.left - this.origin.left, box.top - this.origin.top];
  }

  draw(node) {
    if (node.nodeType === Node.TEXT_NODE) return this.text(node);
    if (node.nodeType !== Node.ELEMENT_NODE || !node.checkVisibility() || node.matches(".saving, select, input, option, script")) return undefined;
    if (node.tagName === "svg") {
      const box = node.getBoundingClientRect(), [x, y] = this.place(box), copy = copyOf(node);
      return this.parts.push(fill(copy, { x, y, width: box.width, height: box.height }, []));
    }
    this.box(node);
    return node.childNodes.forEach((child) => this.draw(child));
  }

  box(node) {
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const [x, y] = [box.left - this.origin.left, box.top - this.origin.top];
    if (seen(style.backgroundColor)) {
      this.place(box);
      this.parts.push(s("rect", { x, y, width: box.width, height: box.height, rx: Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2), fill: style.backgroundColor }));
    }
    for (const [side, at] of [["borderTop", y], ["borderBottom", y + box.height]]) {
      if (style[`${side}Style`] === "solid" && parseFloat(style[`${side}Width`]) > 0) this.parts.push(s("line", { x1: x, x2: x + box.width, y1: at, y2: at, stroke: style[`${side}Color`] }));
    }
  }

  text(node) {
    const style = getComputedStyle(node.parentElement), range = document.createRange();
    const lines = [];
    for (const word of node.data.matchAll(/\S+/g)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const box = range.getBoundingClientRect(), last = lines.at(-1);
      if (!box.width) continue;
      if (last && Math.abs(last.box.top - box.top) < 2) last.words.push(word[0]);
      else lines.push({ box, words: [word[0]] });
      this.place(box);
    }
    for (const { box, words } of lines) {
      const size = parseFloat(style.fontSize);
      this.parts.push(s("text", { x: box.left - this.origin.left, y: box.top - this.origin.top + (box.height + size * 0.72) / 2, "font-family": style.fontFamily, "font-size": size, "font-weight": style.fontWeight, fill: style.color }, words.join(" ")));
    }
  }

  svg() {
    const background = getComputedStyle(document.documentElement).getPropertyValue("--card");
    const root = s("svg", { width: Math.ceil(this.width), height: Math.ceil(this.height), viewBox: `0 0 ${Math.ceil(this.width)} ${Math.ceil(this.height)}` },
      s("rect", { width: "100%", height: "100%", fill: background.trim() }), this.parts);
    return new XMLSerializer().serializeToString(root);
  }
}

async function png(picture) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture)}`;
  await image.decode();
  const canvas = h("canvas", { width: image.width * 2, height: image.height * 2 });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, "image/png"); });
}

function saving(section, title) {
  const file = slug(`${data.title} ${title}`);
  const button = (kind, act) => h("button", { type: "button", class: "link", "aria-label": `${title}: save as ${kind}`, on: { click: act } }, kind);
  return h("span", { class: "saving" },
    button("CSV", () => download(`${file}.csv`, "text/csv", numbersOf(section))), " ",
    button("SVG", () => download(`${file}.svg`, "image/svg+xml", new Picture(section).svg())), " ",
    button("PNG", async () => download(`${file}.png`, "image/png", await png(new Picture(section).svg()))));
}
