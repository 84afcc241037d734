"use strict";
// Lines over the steps of a training run: one panel for the team or for each role, all of a card on one scale.

const FORMATS = { value: (v) => plain(v), share: percent, count: (v) => plain(v, 1), tiny };
const SIZES = { whole: { width: 400, height: 196 }, panel: { width: 200, height: 150 } };
const ROOM = 28; // between two numbers of an axis
const EDGES = { left: 44, right: 12, top: 24, bottom: 34 };

// 1, 2 or 5 times a power of ten, at least a part of the way from low to high.
function distanceOf(low, high, parts) {
  const raw = (high - low) / parts || 1, size = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((k) => k * size).find((k) => k >= raw * (1 - 1e-9));
}

// The multiples of a distance from low to high.
function multiples(low, high, distance) {
  const first = Math.ceil(low / distance - 1e-9), last = Math.floor(high / distance + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * distance);
}

// Long curves are drawn faintly, with the mean of a few neighbouring steps over them.
const SMOOTHED = 24;
const isLong = (line) => line.points.length >= SMOOTHED;
function smoothed(points) {
  const reach = Math.max(1, Math.round(points.length / 40));
  return points.map(([step, value], k) => (typeof value === "number" ? [step, meanOf(points.slice(Math.max(0, k - reach), k + reach + 1).map(([, near]) => near).filter((near) => typeof near === "number"))] : [step, null]));
}

const isKnown = ([, value]) => typeof value === "number";
const valuesOf = (lines) => lines.flatMap((line) => line.points.filter(isKnown).map(([, value]) => value));
const stepsOf = (lines) => [...new Set(lines.flatMap((line) => line.points.map(([step]) => step)))].sort((a, b) => a - b);

// The scale that all panels of a card share, so that their heights can be compared.
function scaleOf(lines, unit) {
  const known = valuesOf(lines), steps = stepsOf(lines);
  let low = Math.min(0, ...known), high = Math.max(unit === "share" ? 0.1 : 0, ...known);
  if (high === low) high = low + 1;
  const distance = distanceOf(low, high, 4), digits = Math.max(0, -Math.floor(Math.log10(distance) + 1e-9));
  low = Math.floor(low / distance + 1e-9) * distance;
  high = Math.ceil(high / distance - 1e-9) * distance;
  const format = unit === "share" || unit === "tiny" ? FORMATS[unit] : (value) => plain(value, digits);
  return { steps, first: steps[0], last: steps.at(-1), low, high, ticks: multiples(low, high, distance), format };
}

// lines: [{ title, color, dashed, points: [[step, value or null], ...] }]; marks: steps at which a line is drawn down.
// axis: what the height measures.
function curveChart(label, axis, lines, marks, scale, { width, height }) {
  const { left, right, top, bottom } = EDGES, { first, last, low, high } = scale;
  const x = (step) => left + (last > first ? (step - first) / (last - first) : 0.5) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img", "aria-label": label });
  const write = (place, anchor, text) => chart.append(s("text", { ...place, class: "axis", "text-anchor": anchor }, text));
  write({ x: 2, y: 11 }, "start", axis);
  for (const tick of scale.ticks) {
    chart.append(s("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: Math.abs(tick) < 1e-12 ? "zero" : "grid" }));
    write({ x: left - 6, y: y(tick) + 4 }, "end", scale.format(tick));
  }
  for (const step of new Set([first, last, ...multiples(first, last, Math.max(1, distanceOf(first, last, width / 80)))])) {
    if (step !== first && step !== last && (x(step) - x(first) < ROOM || x(last) - x(step) < ROOM)) continue;
    write({ x: x(step), y: height - bottom + 14 }, "middle", String(step));
  }
  write({ x: (left + width - right) / 2, y: height - 4 }, "middle", "training step");
  for (const step of marks) chart.append(s("line", { x1: x(step), x2: x(step), y1: top, y2: height - bottom, class: "mark" }));
  for (const line of lines) draw(chart, line, x, y);
  const cursor = s("line", { x1: 0, x2: 0, y1: top, y2: height - bottom, class: "cursor", visibility: "hidden" });
  chart.append(cursor);
  chart.point = (step) => (step === null ? cursor.setAttribute("visibility", "hidden") : fill(cursor, { x1: x(step), x2: x(step), visibility: "visible" }, []));
  chart.nearest = (event) => {
    const box = chart.getBoundingClientRect(), place = ((event.clientX - box.left) / box.width) * width;
    return scale.steps.reduce((best, step) => (Math.abs(x(step) - place) < Math.abs(x(best) - place) ? step : best));
  };
  return chart;
}

function draw(chart, line, x, y) {
  const dashes = line.dashed ? "5 4" : null, stroke = { stroke: line.color };
  const path = (points) => {
    let pen = false;
    return points.map(([step, value]) => {
      if (typeof value !== "number") { pen = false; return ""; }
      const move = pen ? "L" : "M";
      pen = true;
      return `${move}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    }).join("");
  };
  if (isLong(line)) {
    chart.append(s("path", { d: path(line.points), class: "line faint", style: stroke }), s("path", { d: path(smoothed(line.points)), class: "line", style: stroke, "stroke-dasharray": dashes }));
    return;
  }
  chart.append(s("path", { d: path(line.points), class: "line", style: stroke, "stroke-dasharray": dashes }));
  for (const [step, value] of line.points.filter(isKnown)) chart.append(s("circle", { cx: x(step), cy: y(value), r: 2.2, style: { fill: line.color } }));
}

// What lines say, for those who do not see them.
function told(lines, format) {
  return lines.map((line) => {
    const known = line.points.filter(isKnown);
    if (!known.length) return `${visible(line.title)} not known`;
    const [begin, end] = [known[0], known.at(-1)];
    return `${visible(line.title)} from ${format(begin[1])} at step ${begin[0]} to ${format(end[1])} at step ${end[0]}`;
  }).join("; ");
}

// A card of panels: [{ name, node, lines, marks }]; of one without a name, it is the whole card. The values of a step
// stand below each panel: of the one under the pointer, at rest of the last.
function curveCard([title, unit, meaning, axis], panels, choose) {
  const lines = panels.flatMap((panel) => panel.lines), scale = scaleOf(lines, unit), format = FORMATS[unit];
  const drawn = panels.map(({ name: role, node, lines: own, marks }) => {
    const chart = curveChart(`${title}${role ? `, ${visible(role)}` : ""}: ${told(own, format)}`, axis, own, marks, scale, role ? SIZES.panel : SIZES.whole);
    return { chart, legend: h("p", { class: "legend" }), node, lines: own };
  });
  const show = (step, pointed) => drawn.forEach((panel) => {
    panel.chart.point(pointed ? step : null);
    panel.legend.replaceChildren(...readings(panel.lines, step, format));
  });
  for (const { chart } of drawn) {
    chart.addEventListener("pointermove", (event) => show(chart.nearest(event), true));
    chart.addEventListener("pointerleave", () => show(scale.last, false));
    if (choose) chart.addEventListener("click", (event) => choose(chart.nearest(event)));
  }
  show(scale.last, false);
  const single = drawn.length === 1 && !panels[0].name;
  const body = h("div", { class: single ? "" : "panels" }, drawn.map(({ chart, legend, node }) => h("figure", {}, node && h("figcaption", {}, node), chart, legend)));
  const section = card(title, meaning, h("div", { class: "drawn" }, body, curveTable(title, lines, format)));
  if (!single) section.classList.add("full");
  return section;
}

// The values of a step; of long curves those of the faint line, and those of the bold one in a row of their own.
function readings(lines, step, format) {
  const row = (title, some, style, points) => h("span", { class: "row-of" }, h("span", {}, title), " ", some.flatMap((line) => {
    const value = points(line).find(([k]) => k === step)?.[1];
    const stroke = h("span", { class: ["stroke", line.dashed && "dashed", style].filter(Boolean).join(" "), "aria-hidden": "true", style: { "--stroke": line.color } });
    return [h("span", { class: "item" }, stroke, h(style ? "span" : "b", {}, typeof value === "number" ? figure(value, format) : "–")), " "];
  }));
  const long = lines.filter(isLong), raw = (line) => line.points;
  if (!long.length) return [row(`step ${step}:`, lines, "", raw)];
  return [row(`step ${step}:`, lines, "faint", raw), row("mean around it:", long, "", (line) => smoothed(line.points))];
}

function curveTable(title, lines, format) {
  const steps = stepsOf(lines), values = lines.map((line) => new Map(line.points));
  const place = h("details", { class: "values" }, h("summary", {}, "Values"));
  place.series = () => [["step", ...lines.map((line) => visible(line.title))], ...steps.map((step) => [step, ...values.map((map) => map.get(step) ?? "")])];
  place.addEventListener("toggle", () => {
    if (place.open && !place.querySelector("table")) place.append(table([["Step", "number"], ...lines.map((line) => [shortName(line.title, 24), "number"])], steps.map((step) => h("tr", {}, h("th", { scope: "row" }, String(step)), values.map((map) => cell(figure(map.get(step), format), "number")))), { label: `${title}, values` }));
  });
  return place;
}
