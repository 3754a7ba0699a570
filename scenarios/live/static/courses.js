// Figures over time: uPlot draws them; cursors of all courses move together.
import uPlot from "./vendor/uPlot.esm.js";
import { S } from "./strings.js";
import { element, put, shown } from "./format.js";
import { floats } from "./msgpack.js";
import { copier, csv, panel } from "./panel.js";
import { onTheme, palette, zoom } from "./theme.js";
import { chart } from "./svg.js";

const DASHES = [undefined, [7, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2], [1, 3]];
const NEAR_PX = 5;
const height = () => Math.round(190 * zoom());

export function course(spec, app) {
  const tools = [
    copier(spec.title, S.copyCsv, () => csv([S.time, ...labels], columns().map((row) => row))),
    copier(spec.title, S.copySvg, () => picture()),
  ];
  const { box, body } = panel(`course-${spec.key}`, spec.title, spec.unit, spec.help, ...tools);
  const legend = element("ul", { class: "legend" });
  const holder = element("div", { class: "plot", role: "img", "aria-label": S.empty });
  body.append(holder, legend);
  const happening = element("li", { class: "happening", hidden: true });
  let plot = null;
  let curves = null;
  let singles = {};
  let data = [[]];
  let labels = [];
  let marks = [];
  let signature = "";

  const bandEnds = new Set(spec.lines.filter((line) => line.until).flatMap((line) => [line.key, line.until]));
  const alone = spec.lines.filter((line) => !bandEnds.has(line.key));

  // The lines there are now: those of the course, and those of single nodes.
  function lines() {
    const own = spec.lines.map((line) => ({ key: line.key, label: line.label, isEnd: bandEnds.has(line.key) }));
    const others = Object.keys(singles).map((name) => ({ key: name, label: name, isSingle: true }));
    let place = 0;
    return [...own, ...others].map((line) => ({ ...line, place: line.isEnd ? 0 : place++ }));
  }

  function prepare() {
    if (!curves) return;
    const tables = [table(curves, spec.lines.map((line) => line.key))];
    for (const [name, single] of Object.entries(singles)) tables.push(table(single, [name]));
    data = tables.length > 1 ? uPlot.join(tables) : tables[0];
    data = data.map((column) => Array.from(column));
    const now = app.now();
    const last = data[0].length - 1;
    if (last >= 0 && now > data[0][last]) data.forEach((column, k) => column.push(k ? column[last] : now));
  }

  function table(of, keys) {
    const time = floats(of.time_s);
    return [time, ...keys.map((key) => (of.lines[key] ? Array.from(floats(of.lines[key]), (v) => (Number.isNaN(v) ? null : v)) : Array(time.length).fill(null)))];
  }

  function build() {
    plot?.destroy();
    const colours = palette();
    const now = lines();
    labels = now.map((line) => line.label);
    const series = now.map((line) => ({
      label: line.label,
      stroke: line.isEnd ? "transparent" : colours.series[line.place % colours.series.length],
      width: line.isEnd ? 0 : line.isSingle || alone.length === 1 ? 2 : 1.8,
      dash: line.isEnd ? undefined : DASHES[line.place % DASHES.length],
      paths: uPlot.paths.stepped({ align: 1 }),
      points: { show: false },
      spanGaps: true,
    }));
    const index = (key) => now.findIndex((line) => line.key === key) + 1;
    const axis = { stroke: colours.muted, font: `${Math.round(11 * zoom())}px ${colours.font}`, grid: { stroke: colours.line, width: 1 }, ticks: { show: false } };
    plot = new uPlot(
      {
        width: holder.clientWidth || 300,
        height: height(),
        legend: { show: false },
        cursor: { sync: { key: "bidswarm" }, y: false, points: { size: 7 }, drag: { x: false, y: false } },
        scales: {
          x: { time: false, range: (u, min, max) => [0, max > 0 ? max : 1] },
          y: spec.scale === "log" ? { distr: 3 } : { range: (u, min, max) => [Math.min(0, min ?? 0), (max > 0 ? max : 1) * 1.08] },
        },
        axes: [
          { ...axis, grid: { show: false }, size: 26 * zoom(), values: (u, at) => at.map((t) => shown(t)) },
          { ...axis, grid: { ...axis.grid, ...(spec.scale === "log" ? { filter: decades } : {}) }, size: 58 * zoom(), values: (u, at) => at.map((v) => (v === null ? "" : shown(v, spec.kind))) },
        ],
        series: [{}, ...series],
        bands: spec.lines.filter((line) => line.until).map((line) => ({ series: [index(line.until), index(line.key)], fill: faint(colours.series[0], 0.13) })),
        hooks: { drawAxes: [drawMarks], setCursor: [() => write()] },
      },
      data,
      holder,
    );
    const items = now.filter((line) => !line.isEnd).map((line) => {
      const value = element("span", { class: "value" });
      const item = element("li", {}, swatch(line.place, colours), element("span", { class: "label" }, line.label), value);
      if (line.isSingle) {
        item.append(element("button", { type: "button", class: "quiet small", "aria-label": S.remove(line.key), onclick: () => app.unchart(line.key) }, "×"));
      }
      item.dataset.line = line.key;
      return { item, value, at: index(line.key) };
    });
    const ends = spec.lines.filter((line) => line.until).map((line) => {
      const upper = spec.lines.find((other) => other.key === line.until);
      const value = element("span", { class: "value" });
      const item = element("li", {}, bandSwatch(colours), element("span", { class: "label" }, `${line.label} – ${upper.label}`), value);
      return { item, value, at: index(line.key), to: index(line.until) };
    });
    legend.replaceChildren(...[...items, ...ends].map((entry) => entry.item), happening);
    legend.entries = [...items, ...ends];
  }

  function write() {
    const at = plot?.cursor.idx ?? data[0].length - 1;
    for (const { value, at: column, to } of legend.entries ?? []) {
      const low = worded(data[column]?.[at]);
      put(value, to ? `${low} – ${worded(data[to]?.[at])}` : low);
    }
    const under = plot && plot.cursor.left >= 0 ? marked() : [];
    happening.hidden = under.length === 0;
    put(happening, under.map((mark) => mark.label).join(" · "));
  }

  const worded = (value) => (spec.least && value <= spec.least ? `≤ ${shown(spec.least, spec.kind)}` : shown(value, spec.kind));

  // What went on where the cursor is.
  function marked() {
    const time = plot.posToVal(plot.cursor.left, "x");
    const near = plot.posToVal(plot.cursor.left + NEAR_PX, "x") - time;
    return marks.filter((mark) => time >= mark.from_s - near && time <= (mark.until_s ?? Infinity) + near);
  }

  function drawMarks(u) {
    const { ctx, bbox } = u;
    const colours = palette();
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const mark of marks) {
      const from = u.valToPos(mark.from_s, "x", true);
      const until = u.valToPos(mark.until_s ?? app.now(), "x", true);
      ctx.fillStyle = colours.fault;
      ctx.globalAlpha = until > from + 1 ? 0.13 : 0.75;
      ctx.fillRect(from, bbox.top, Math.max(devicePixelRatio, until - from), bbox.height);
    }
    ctx.restore();
  }

  function columns() {
    return data[0].map((_, row) => data.map((column) => column[row]));
  }

  function picture() {
    const colours = palette();
    const strokes = lines().filter((line) => !line.isEnd).map((line) => {
      const column = data[lines().findIndex((other) => other.key === line.key) + 1];
      return { label: line.label, shape: "steps", x: data[0], y: column.map((v) => v ?? NaN), colour: colours.series[line.place % 7], dash: DASHES[line.place % DASHES.length] };
    });
    const keys = spec.lines.map((line) => line.key);
    const bands = spec.lines.filter((line) => line.until).map((line) => {
      const [low, high] = [line.key, line.until].map((key) => data[keys.indexOf(key) + 1]);
      const known = data[0].map((_, k) => k).filter((k) => low[k] !== null && high[k] !== null);
      return { x: known.map((k) => data[0][k]), low: known.map((k) => low[k]), high: known.map((k) => high[k]), colour: colours.series[0] };
    });
    return chart({ title: spec.title, x: S.seconds, y: spec.unit, kind: spec.kind, isLog: spec.scale === "log", strokes, bands, marks, width: 640, height: 300, colours });
  }

  function draw() {
    prepare();
    if (!curves) return;
    const wanted = JSON.stringify([lines().map((line) => line.key)]);
    if (!plot || wanted !== signature) {
      signature = wanted;
      build();
    } else {
      plot.setData(data);
    }
    const first = data[0][0] ?? 0;
    holder.setAttribute("aria-label", S.chartLabel(spec.title, shown(first), shown(data[0].at(-1) ?? 0)));
    write();
  }

  onTheme(() => { signature = ""; draw(); });
  new ResizeObserver(() => plot?.setSize({ width: Math.max(120, holder.clientWidth), height: height() })).observe(holder);

  return {
    box,
    update(news) {
      if (news.courses) curves = news.courses[spec.key] ?? null;
      if (news.singles) singles = news.singles[spec.key] ?? {};
      if (news.marks) marks = news.marks;
      if (news.courses || news.singles || news.marks || news.pace) draw();
    },
  };
}

// Lines at powers of ten alone.
const decades = (u, at) => at.map((value) => (value > 0 && Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? value : null));

function faint(colour, alpha) {
  const [r, g, b] = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

function swatch(place, colours) {
  const colour = colours.series[place % colours.series.length];
  const dash = DASHES[place % DASHES.length];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" })) svg.setAttribute(key, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [key, value] of Object.entries({ x1: 0, x2: 22, y1: 4, y2: 4, stroke: colour, "stroke-width": 2.2, "stroke-dasharray": dash?.join(" ") ?? "none" })) line.setAttribute(key, value);
  svg.append(line);
  return svg;
}

function bandSwatch(colours) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 22 8", width: 22, height: 8, "aria-hidden": "true" })) svg.setAttribute(key, value);
  const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({ width: 22, height: 8, fill: colours.series[0], "fill-opacity": 0.25 })) box.setAttribute(key, value);
  svg.append(box);
  return svg;
}
