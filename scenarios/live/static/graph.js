// Who trades with whom, on a canvas: a bar for each node, a ribbon for each trade as wide as what is traded.
import { S } from "./strings.js";
import { element, shown } from "./format.js";
import { floats, shorts, words } from "./msgpack.js";
import { copier, csv, panel } from "./panel.js";
import { escaped } from "./svg.js";
import { calm, onTheme, palette, ramp, zoom } from "./theme.js";

const FLASH_MS = 700;
const EASE = 0.28;
const BAR = 12;
const WIDEST_GAP = 56;
const HEADING = 62;
const LEGEND = 40; // Below the picture that is copied.
const STOPS = [0, 0.25, 0.5, 0.75, 1];
const LEAST_SPREAD = 0.05; // prices that differ by less than that share look alike

export function graph(spec, app) {
  const tools = [
    copier(spec.title, S.copyCsv, () => csv([S.from, S.to, S.amount], state ? state.edges.map((e) => [left()[e.from].name, right()[e.to].name, e.width]) : [])),
    copier(spec.title, S.copySvg, () => picture()),
  ];
  const { box, body } = panel("graph", spec.title, "", spec.help, ...tools);
  const canvas = element("canvas", { role: "img", "aria-label": S.empty });
  const tip = element("div", { class: "tip", "aria-hidden": "true", hidden: true });
  const low = element("span");
  const high = element("span");
  const bar = element("canvas", { class: "ramp", width: 120, height: 8, "aria-hidden": "true" });
  const key = element("p", { class: "key" }, element("span", { class: "scale" }, low, bar, high), ` ${S.colourIs(spec.colour)} ${S.widthIs(spec.width)} `);
  const many = element("span", {});
  key.append(many);
  const holder = element("div", { class: "canvas" }, canvas, tip);
  body.append(holder, key);

  let state = null;
  let hovered = null;
  let pending = 0;
  const left = () => state.left;
  const right = () => state.right;

  function side(told, before, now) {
    const [size, share, colour, moves] = [floats(told.size), floats(told.share), floats(told.colour), words(told.moves)];
    const known = new Map((before ?? []).map((node) => [node.id, node]));
    return told.names.map((name, k) => {
      const id = told.members[k] > 1 ? `#${k}` : name;
      const old = known.get(id);
      const flashed = old && old.moves !== moves[k] ? now : old?.flashed ?? -Infinity;
      return { id, name, members: told.members[k], size: size[k], share: share[k], colour: colour[k], moves: moves[k], flashed, shown: old?.shown ?? share[k] };
    });
  }

  function take(told) {
    const now = performance.now();
    const before = new Map((state?.edges ?? []).map((edge) => [edge.id, edge.shown]));
    const next = { left: side(told.left, state?.left, now), right: side(told.right, state?.right, now) };
    const [source, target, width] = [shorts(told.source), shorts(told.target), floats(told.width)];
    next.edges = Array.from(source, (from, k) => {
      const id = `${next.left[from].id}>${next.right[target[k]].id}`;
      return { id, from, to: target[k], width: width[k], shown: before.get(id) ?? 0 };
    });
    const seen = new Set(next.edges.map((edge) => edge.id));
    const gone = (state?.edges ?? []).filter((edge) => !seen.has(edge.id) && edge.shown > 1e-3 * (state.scale || 1) && edge.from < next.left.length && edge.to < next.right.length);
    next.edges.push(...gone.map((edge) => ({ ...edge, width: 0 })));
    state = next;
    const prices = [...next.left, ...next.right].map((node) => node.colour).filter(Number.isFinite);
    let [least, most] = [Math.min(...prices), Math.max(...prices)];
    const middle = (least + most) / 2;
    if (most - least < LEAST_SPREAD * middle) [least, most] = [middle * (1 - LEAST_SPREAD / 2), middle * (1 + LEAST_SPREAD / 2)];
    state.tint = (value) => (Number.isFinite(value) ? ramp(most > least ? (value - least) / (most - least) : 0.5) : palette().muted);
    low.textContent = prices.length ? shown(least) : "";
    high.textContent = prices.length ? shown(most) : "";
    many.textContent = [...told.left.members, ...told.right.members].some((n) => n > 1) ? S.clusters(spec.clusters) : "";
    const count = (of) => of.members.reduce((sum, n) => sum + n, 0);
    canvas.setAttribute("aria-label", S.graphLabel(spec.title, count(told.left), spec.left, count(told.right), spec.right));
    wake();
  }

  // Where everything is, in CSS pixels.
  function place(width, height) {
    const names = (nodes) => Math.max(HEADING, Math.min(190, Math.max(...nodes.map((node) => node.name.length), 0) * 6.6 + 14, width * 0.24));
    const margin = { left: names(left()), right: names(right()) };
    const room = height - 28;
    const total = (nodes) => nodes.reduce((sum, node) => sum + Math.max(node.size, 0), 0);
    const gap = (nodes) => Math.min(10, (0.35 * room) / Math.max(1, nodes.length));
    const scale = Math.min(...[left(), right()].map((nodes) => (room - gap(nodes) * (nodes.length - 1)) / (total(nodes) || 1)));
    state.scale = 1 / scale;
    const column = (nodes, x) => {
      // Spread over the height, but not so far that few nodes lose each other.
      const between = Math.min(WIDEST_GAP, Math.max(0, room - total(nodes) * scale) / Math.max(1, nodes.length - 1));
      let y = 22 + (room - total(nodes) * scale - between * (nodes.length - 1)) / 2;
      for (const node of nodes) {
        Object.assign(node, { x, y, h: Math.max(1.5, node.size * scale) });
        y += node.size * scale + between;
      }
    };
    column(left(), margin.left);
    column(right(), width - margin.right - BAR);
    const start = left().map((node) => node.y);
    const end = right().map((node) => node.y);
    const order = [...state.edges].sort((a, b) => a.from - b.from || a.to - b.to);
    for (const edge of order) {
      edge.h = edge.shown * scale;
      edge.y0 = start[edge.from];
      start[edge.from] += edge.h;
    }
    for (const edge of order.sort((a, b) => a.to - b.to || a.from - b.from)) {
      edge.y1 = end[edge.to];
      end[edge.to] += edge.h;
    }
  }

  const isLit = (edge) => !hovered || left()[edge.from] === hovered || right()[edge.to] === hovered;

  function ribbon(edge) {
    const [x0, x1] = [left()[edge.from].x + BAR, right()[edge.to].x];
    const bend = (x0 + x1) / 2;
    const h = Math.max(0.6, edge.h);
    return { x0, x1, bend, a0: edge.y0, b0: edge.y0 + h, a1: edge.y1, b1: edge.y1 + h };
  }

  function trace(c, { x0, x1, bend, a0, b0, a1, b1 }) {
    c.beginPath();
    c.moveTo(x0, a0);
    c.bezierCurveTo(bend, a0, bend, a1, x1, a1);
    c.lineTo(x1, b1);
    c.bezierCurveTo(bend, b1, bend, b0, x0, b0);
    c.fill();
  }

  const path = ({ x0, x1, bend, a0, b0, a1, b1 }) =>
    `M${x0.toFixed(1)} ${a0.toFixed(1)}C${bend.toFixed(1)} ${a0.toFixed(1)} ${bend.toFixed(1)} ${a1.toFixed(1)} ${x1.toFixed(1)} ${a1.toFixed(1)}V${b1.toFixed(1)}C${bend.toFixed(1)} ${b1.toFixed(1)} ${bend.toFixed(1)} ${b0.toFixed(1)} ${x0.toFixed(1)} ${b0.toFixed(1)}Z`;

  const labelled = (nodes) => {
    let free = -Infinity;
    return nodes.map((node) => {
      const middle = node.y + node.h / 2;
      const fits = middle - free >= 12 || node === hovered || node.name === app.followed();
      if (fits) free = middle;
      return fits;
    });
  };

  function draw() {
    pending = 0;
    const width = holder.clientWidth / zoom();
    const height = holder.clientHeight / zoom();
    if (!state || !width) return;
    let isMoving = false;
    for (const edge of state.edges) {
      const step = edge.width - edge.shown;
      if (calm.matches || Math.abs(step) < 1e-3 * Math.max(edge.width, state.scale || 0)) edge.shown = edge.width;
      else { edge.shown += EASE * step; isMoving = true; }
    }
    for (const node of [...left(), ...right()]) {
      const step = node.share - node.shown;
      if (calm.matches || Math.abs(step) < 2e-3) node.shown = node.share;
      else { node.shown += EASE * step; isMoving = true; }
    }
    const ratio = (devicePixelRatio || 1) * zoom();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    place(width, height);
    const colours = palette();
    const tints = right().map((node) => state.tint(node.colour));
    for (const edge of state.edges) {
      if (edge.shown <= 0) continue;
      c.globalAlpha = isLit(edge) ? (hovered ? 0.75 : 0.42) : 0.07;
      c.fillStyle = tints[edge.to];
      trace(c, ribbon(edge));
    }
    c.globalAlpha = 1;
    c.font = `600 12px ${colours.font}`;
    c.fillStyle = colours.muted;
    c.textBaseline = "alphabetic";
    c.textAlign = "right";
    c.fillText(spec.left, (left()[0]?.x ?? 60) + BAR, 12);
    c.textAlign = "left";
    c.fillText(spec.right, right()[0]?.x ?? width - 60, 12);
    const now = performance.now();
    isMoving = column(c, left(), "left", now, colours) || isMoving;
    isMoving = column(c, right(), "right", now, colours) || isMoving;
    if (isMoving) wake();
  }

  function column(c, nodes, which, now, colours) {
    let isMoving = false;
    const fits = labelled(nodes);
    nodes.forEach((node, k) => {
      const { x, y, h } = node;
      c.fillStyle = colours.track;
      round(c, x, y, BAR, h);
      c.fillStyle = state.tint(node.colour);
      const filled = Math.max(0, Math.min(1, node.shown)) * h;
      if (filled > 0.5) round(c, x, y, BAR, filled);
      const age = (now - node.flashed) / FLASH_MS;
      if (age < 1) {
        c.strokeStyle = colours.flash;
        c.globalAlpha = calm.matches ? 1 : 0.9 * (1 - age);
        c.lineWidth = 1.5;
        c.strokeRect(x - 1.5, y - 1.5, BAR + 3, h + 3);
        c.globalAlpha = 1;
        isMoving = true;
      }
      if (node.name === app.followed()) {
        c.strokeStyle = colours.accent;
        c.lineWidth = 2;
        c.strokeRect(x - 3, y - 3, BAR + 6, h + 6);
      }
      if (!fits[k]) return;
      c.fillStyle = node === hovered || node.name === app.followed() ? colours.text : colours.muted;
      c.font = `11px ${colours.font}`;
      c.textBaseline = "middle";
      c.textAlign = which === "left" ? "right" : "left";
      c.fillText(node.name, which === "left" ? x - 6 : x + BAR + 6, y + h / 2, 185);
    });
    return isMoving;
  }

  function picture() {
    const width = 900;
    const height = 600;
    if (!state) return "";
    place(width, height);
    const colours = palette();
    const out = state.edges.filter((edge) => edge.shown > 0).map((edge) => `<path d="${path(ribbon(edge))}" fill="${state.tint(right()[edge.to].colour)}" fill-opacity="0.42"/>`);
    for (const [nodes, isLeft] of [[left(), true], [right(), false]]) {
      const fits = labelled(nodes);
      nodes.forEach((node, k) => {
        out.push(`<rect x="${node.x}" y="${node.y.toFixed(1)}" width="${BAR}" height="${node.h.toFixed(1)}" fill="${colours.track}"/>`);
        out.push(`<rect x="${node.x}" y="${node.y.toFixed(1)}" width="${BAR}" height="${(node.h * Math.min(1, Math.max(0, node.share))).toFixed(1)}" fill="${state.tint(node.colour)}"/>`);
        if (fits[k]) out.push(`<text x="${isLeft ? node.x - 6 : node.x + BAR + 6}" y="${(node.y + node.h / 2 + 4).toFixed(1)}" text-anchor="${isLeft ? "end" : "start"}">${escaped(node.name)}</text>`);
      });
    }
    out.push(heading((left()[0]?.x ?? 60) + BAR, "end", spec.left), heading(right()[0]?.x ?? width - 60, "start", spec.right), explained());
    wake();
    const tall = height + LEGEND;
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${tall}" width="${width}" height="${tall}" font-family="${colours.font.replaceAll('"', "'")}" font-size="11" fill="${colours.muted}">${out.join("")}</svg>`;
  }

  // What the widths and colours mean, as below the canvas.
  function explained() {
    const stops = STOPS.map((stop) => `<stop offset="${stop}" stop-color="${ramp(stop)}"/>`).join("");
    const scale = `<text x="90" y="618" text-anchor="end">${escaped(low.textContent)}</text><rect x="96" y="610" width="120" height="8" fill="url(#ramp)"/><text x="222" y="618">${escaped(high.textContent)}</text>`;
    const meanings = [S.colourIs(spec.colour), `${S.widthIs(spec.width)} ${many.textContent}`];
    return `<defs><linearGradient id="ramp">${stops}</linearGradient></defs>${low.textContent ? scale : ""}` +
      meanings.map((text, k) => `<text x="300" y="${618 + 15 * k}">${escaped(text)}</text>`).join("");
  }

  function at(event) {
    const { left: x0, top: y0 } = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - x0) / zoom(), (event.clientY - y0) / zoom()];
    const nodes = state ? (x < holder.clientWidth / zoom() / 2 ? left() : right()) : [];
    return nodes.find((node) => Math.abs(x - node.x - BAR / 2) < 90 && y >= node.y - 3 && y <= node.y + node.h + 3) ?? null;
  }

  canvas.addEventListener("pointermove", (event) => {
    hovered = at(event);
    canvas.style.cursor = hovered && hovered.members === 1 ? "pointer" : "";
    tip.hidden = !hovered;
    if (hovered) {
      const facts = [`${shown(hovered.share, "share")} ${S.graphTip.share}`, shown(hovered.colour)];
      tip.replaceChildren(element("strong", {}, hovered.name), element("span", {}, facts.join(" · ")));
      const isLeft = hovered.x < holder.clientWidth / zoom() / 2;
      tip.style.left = isLeft ? `${(hovered.x + BAR + 10) * zoom()}px` : "";
      tip.style.right = isLeft ? "" : `${holder.clientWidth - (hovered.x - 10) * zoom()}px`;
      tip.style.top = `${Math.max(0, hovered.y + hovered.h / 2 - 20) * zoom()}px`;
    }
    wake();
  });
  canvas.addEventListener("pointerleave", () => { hovered = null; tip.hidden = true; wake(); });
  canvas.addEventListener("click", (event) => {
    const node = at(event);
    if (node && node.members === 1) app.follow(node.name);
  });

  function wake() {
    pending ||= requestAnimationFrame(draw);
  }

  function legend() {
    const c = bar.getContext("2d");
    for (let k = 0; k < bar.width; k++) {
      c.fillStyle = ramp(k / (bar.width - 1));
      c.fillRect(k, 0, 1, bar.height);
    }
  }

  legend();
  onTheme(() => { legend(); wake(); });
  new ResizeObserver(wake).observe(holder);

  return {
    box,
    update(news) {
      if (news.drawings?.[spec.key]) take(news.drawings[spec.key]);
      else wake();
    },
  };
}

const heading = (x, anchor, text) => `<text x="${x}" y="12" font-size="12" font-weight="600" text-anchor="${anchor}">${escaped(text)}</text>`;

function round(c, x, y, w, h) {
  c.beginPath();
  c.roundRect(x, y, w, h, Math.min(3, h / 2));
  c.fill();
}
