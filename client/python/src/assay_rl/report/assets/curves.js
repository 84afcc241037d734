"use strict";
// Lines over the steps of a training run.

const FORMATS = { value: (v) => plain(v), share: percent, count: (v) => plain(v, 1), tiny };

function niceTicks(low, high) {
  const raw = (high - low) / 4 || 1, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * size).find((k) => k >= raw);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) ticks.push(k * step);
  return ticks;
}

// Long curves are drawn faintly, with the mean of a few neighbouring steps over them.
const SMOOTHED = 24;
function smoothed(points) {
  const reach = Math.max(1, Math.round(points.length / 40));
  return points.map(([step, value], k) => (typeof value === "number" ? [step, meanOf(points.slice(Math.max(0, k - reach), k + reach + 1).map(([, near]) => near).filter((near) => typeof near === "number"))] : [step, null]));
}

// lines: [{ title, color, dashed, points: [[step, value or null], ...] }]; marks: steps at which a line is drawn down.
function curveChart(title, unit, lines, marks = [], choose = null) {
  const known = lines.flatMap((line) => line.points.filter(([, value]) => typeof value === "number"));
  if (!known.length) return null;
  const width = 520, height = 190, left = 54, bottom = 24, right = 12, top = 10;
  const steps = known.map(([step]) => step), values = known.map(([, value]) => value);
  const first = Math.min(...steps), last = Math.max(...steps);
  let low = Math.min(0, ...values), high = unit === "share" ? Math.max(...values, 0.1) : Math.max(0, ...values);
  if (high === low) high = low + 1;
  const ticks = niceTicks(low, high);
  low = Math.min(low, ticks[0] ?? low);
  high = Math.max(high, ticks.at(-1) ?? high);
  const x = (step) => left + (last > first ? (step - first) / (last - first) : 0.5) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const format = FORMATS[unit];
  const chart = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "curve", role: "img", "aria-label": `${title}: ${lines.map((line) => told(line, format)).join("; ")}` });
  for (const tick of ticks) chart.append(s("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: Math.abs(tick) < 1e-12 ? "zero" : "grid" }), s("text", { x: left - 6, y: y(tick) + 4, class: "axis", "text-anchor": "end" }, format(tick)));
  for (const step of new Set([first, last, ...niceTicks(first, last).filter(Number.isInteger)])) {
    if (step !== first && step !== last && (x(step) - x(first) < 26 || x(last) - x(step) < 26)) continue;
    chart.append(s("text", { x: x(step), y: height - 6, class: "axis", "text-anchor": "middle" }, String(step)));
  }
  for (const step of marks) chart.append(s("line", { x1: x(step), x2: x(step), y1: top, y2: height - bottom, class: "mark" }));
  const path = (points) => {
    let pen = false;
    return points.map(([step, value]) => {
      if (typeof value !== "number") { pen = false; return ""; }
      const move = pen ? "L" : "M";
      pen = true;
      return `${move}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    }).join("");
  };
  for (const line of lines) {
    const dashes = line.dashed ? "5 4" : null, smooth = line.points.length >= SMOOTHED ? smoothed(line.points) : null;
    chart.append(s("path", { d: path(line.points), class: smooth ? "line faint" : "line", style: { stroke: line.color }, "stroke-dasharray": smooth ? null : dashes }));
    if (smooth) chart.append(s("path", { d: path(smooth), class: "line", style: { stroke: line.color }, "stroke-dasharray": dashes }));
    else if (line.points.length < SMOOTHED) for (const [step, value] of line.points) if (typeof value === "number") chart.append(s("circle", { cx: x(step), cy: y(value), r: 2.2, style: { fill: line.color } }));
  }
  return h("div", { class: "drawn" }, chart, readout(chart, lines, format, { first, last, x, width }, choose), curveTable(title, lines, format));
}

// What a line says, for those who do not see it.
function told(line, format) {
  const known = line.points.filter(([, value]) => typeof value === "number");
  if (!known.length) return `${visible(line.title)} not known`;
  const [begin, end] = [known[0], known.at(-1)];
  return `${visible(line.title)} from ${format(begin[1])} at step ${begin[0]} to ${format(end[1])} at step ${end[0]}`;
}

// The values under the pointer; at rest those of the last step.
function readout(chart, lines, format, scale, choose) {
  const at = (line, step) => line.points.find(([k]) => k === step)?.[1];
  const legend = h("p", { class: "legend" });
  const show = (step) => legend.replaceChildren(h("b", {}, `step ${step} `), ...lines.flatMap((line) => {
    const value = at(line, step);
    return [h("span", { class: "item" }, h("span", { class: line.dashed ? "stroke dashed" : "stroke", "aria-hidden": "true", style: { "--stroke": line.color } }), shortName(line.title, 28), " ", h("b", {}, typeof value === "number" ? figure(value, format) : "–")), " "];
  }));
  const all = [...new Set(lines.flatMap((line) => line.points.map(([step]) => step)))].sort((a, b) => a - b);
  const cursor = s("line", { y1: 10, y2: 166, class: "cursor", visibility: "hidden" });
  chart.append(cursor);
  const nearest = (event) => {
    const box = chart.getBoundingClientRect(), place = ((event.clientX - box.left) / box.width) * scale.width;
    return all.reduce((best, step) => (Math.abs(scale.x(step) - place) < Math.abs(scale.x(best) - place) ? step : best), all[0]);
  };
  chart.addEventListener("pointermove", (event) => {
    const step = nearest(event);
    fill(cursor, { x1: scale.x(step), x2: scale.x(step), visibility: "visible" }, []);
    show(step);
  });
  chart.addEventListener("pointerleave", () => { cursor.setAttribute("visibility", "hidden"); show(scale.last); });
  if (choose) chart.addEventListener("click", (event) => choose(nearest(event)));
  show(scale.last);
  return legend;
}

function curveTable(title, lines, format) {
  const steps = [...new Set(lines.flatMap((line) => line.points.map(([step]) => step)))].sort((a, b) => a - b);
  const values = lines.map((line) => new Map(line.points));
  const place = h("details", { class: "values" }, h("summary", {}, "Values"));
  place.series = () => [["step", ...lines.map((line) => visible(line.title))], ...steps.map((step) => [step, ...values.map((map) => map.get(step) ?? "")])];
  place.addEventListener("toggle", () => {
    if (place.open && !place.querySelector("table")) place.append(table([["Step", "number"], ...lines.map((line) => [shortName(line.title, 24), "number"])], steps.map((step) => h("tr", {}, h("th", { scope: "row" }, String(step)), values.map((map) => cell(figure(map.get(step), format), "number")))), { label: `${title}, values` }));
  });
  return place;
}
