// Draws the charts from the JSON in their data-chart, and redraws them when that or the width changes.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 132, LEFT = 46, BOTTOM = 18, TOP = 6;
const drawn = new WeakMap();
const widths = new ResizeObserver((entries) => { for (const { target } of entries) draw(target, true); });

export function drawCharts(within) {
  for (const plot of within.querySelectorAll("[data-chart]")) draw(plot, false);
}

function draw(plot, resized) {
  const before = drawn.get(plot);
  const json = plot.dataset.chart;
  const width = plot.clientWidth;
  if (before && before.json === json && (!resized || before.width === width)) return;
  if (!before) {
    widths.observe(plot);
    plot.setAttribute("data-drawn", "");
    plot.addEventListener("pointermove", (event) => point(plot, event.offsetX));
    plot.addEventListener("pointerleave", () => point(plot, null));
  }
  const chart = JSON.parse(json);
  const scale = scaleOf(chart, width);
  drawn.set(plot, { json, width, chart, scale });
  plot.replaceChildren(picture(chart, scale), tip());
  if (before?.at != null) point(plot, before.at);
}

function scaleOf(chart, width) {
  const count = chart.lines[0].points.length;
  let most = 0;
  for (let at = 0; at < count; at++) {
    const values = chart.lines.map((line) => line.points[at] ?? 0);
    most = Math.max(most, chart.kind === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values));
  }
  const top = nice(most, chart.unit);
  const room = Math.max(1, width - LEFT - 4);
  return {
    top, count, width, room,
    x: (at) => LEFT + (count > 1 ? (at / (count - 1)) * room : room),
    y: (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM),
  };
}

function nice(most, unit) {
  if (most <= 0) return unit === "seconds" ? 0.01 : 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const top = [1, 2, 3, 5, 10].find((factor) => factor * power >= most) * power;
  return unit === "count" ? Math.max(2, top) : top;
}

function picture(chart, scale) {
  const svg = make("svg", { width: scale.width, height: HEIGHT, "aria-hidden": "true" });
  for (const part of [0, 0.5, 1]) {
    const y = Math.round(scale.y(part * scale.top)) + 0.5;
    svg.append(make("line", { class: "grid", x1: LEFT, x2: scale.width, y1: y, y2: y }));
    svg.append(label(words(part * scale.top, chart.unit), { x: LEFT - 6, y: y + 4, "text-anchor": "end" }));
  }
  const long = chart.step_s * scale.count;
  for (const part of [0, 0.5, 1]) {
    const anchor = ["start", "middle", "end"][part * 2];
    const text = part === 1 ? "now" : `−${ago(long * (1 - part))}`;
    svg.append(label(text, { x: LEFT + part * scale.room, y: HEIGHT - 4, "text-anchor": anchor }));
  }
  if (chart.kind === "bars") bars(svg, chart, scale);
  else [...chart.lines].reverse().forEach((line) => trace(svg, line, scale, line === chart.lines[0]));
  svg.append(make("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" }));
  return svg;
}

function trace(svg, line, scale, filled) {
  let path = "", area = "", from = null;
  const end = (at) => { if (from !== null) area += `L${scale.x(at)} ${scale.y(0)}L${scale.x(from)} ${scale.y(0)}Z`; from = null; };
  line.points.forEach((value, at) => {
    if (value === null) { end(at - 1); return; }
    const step = `${from === null ? "M" : "L"}${scale.x(at).toFixed(1)} ${scale.y(value).toFixed(1)}`;
    if (from === null) from = at;
    path += step;
    area += step;
    // A value without neighbours would be invisible.
    if ((line.points[at - 1] ?? null) === null && (line.points[at + 1] ?? null) === null) path += "h.01";
  });
  end(line.points.length - 1);
  if (filled) svg.append(make("path", { class: `area ${line.look}`, d: area }));
  svg.append(make("path", { class: `trace ${line.look}`, d: path }));
}

function bars(svg, chart, scale) {
  const wide = Math.max(1, (scale.room / scale.count) * 0.7);
  const sums = new Array(scale.count).fill(0);
  for (const line of chart.lines) {
    let path = "";
    line.points.forEach((value, at) => {
      if (!value) return;
      const x = Math.min(scale.x(at), scale.width - wide), low = scale.y(sums[at]), high = scale.y(sums[at] += value);
      path += `M${x.toFixed(1)} ${low.toFixed(1)}V${high.toFixed(1)}h${wide.toFixed(1)}V${low.toFixed(1)}Z`;
    });
    svg.append(make("path", { class: `bar ${line.look}`, d: path }));
  }
}

function point(plot, x) {
  const state = drawn.get(plot);
  if (!state || !state.scale.count) return;
  const { chart, scale } = state;
  const cross = plot.querySelector(".cross"), box = plot.querySelector(".tip");
  state.at = x;
  box.hidden = x === null;
  cross.setAttribute("visibility", x === null ? "hidden" : "visible");
  if (x === null) return;
  const at = Math.min(scale.count - 1, Math.max(0, Math.round(((x - LEFT) / scale.room) * (scale.count - 1))));
  cross.setAttribute("x1", scale.x(at));
  cross.setAttribute("x2", scale.x(at));
  const when = new Date((chart.start_s + at * chart.step_s) * 1000).toLocaleTimeString();
  const rows = chart.lines.map((line) => `${line.name} ${words(line.points[at], chart.unit)}`);
  box.replaceChildren(...[when, ...rows].map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  const left = scale.x(at) + 10 + box.offsetWidth > scale.width ? scale.x(at) - box.offsetWidth - 10 : scale.x(at) + 10;
  box.style.transform = `translate(${Math.max(0, left)}px, 4px)`;
}

function words(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "seconds") {
    if (value === 0) return "0";
    if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
    if (value < 1) return `${Number((value * 1000).toPrecision(3))} ms`;
    return value < 120 ? `${Number(value.toPrecision(3))} s` : ago(value);
  }
  if (value >= 10000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(4)));
}

function ago(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function tip() {
  return Object.assign(document.createElement("div"), { className: "tip", hidden: true });
}

function label(text, attributes) {
  const node = make("text", attributes);
  node.textContent = text;
  return node;
}

function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
