// A picture of lines, steps and points as SVG: for a followed node, and of every chart for the clipboard.
import { shown } from "./format.js";

export const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

function ticks(low, high, most = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / most;
  const base = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * base).find((s) => s >= raw);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9 * step; at += step) found.push(Math.abs(at) < 1e-12 ? 0 : at);
  return found;
}

const powers = (low, high) => {
  const found = [];
  for (let k = Math.ceil(Math.log10(low) - 1e-9); k <= Math.log10(high) + 1e-9; k++) found.push(10 ** k);
  const every = Math.ceil(found.length / 5);
  return found.filter((_, k) => k % every === 0);
};

// `strokes` as the server words them, with a colour each; `bands` are {x, low, high, colour}.
export function chart({ title, x, y, kind = "number", isLog = false, strokes, bands = [], marks = [], width = 420, height = 220, colours }) {
  const finite = (values) => values.filter((value) => Number.isFinite(value));
  const xs = finite([...strokes.flatMap((s) => [...s.x]), ...bands.flatMap((b) => [...b.x])]);
  const ys = finite([...strokes.flatMap((s) => [...s.y]), ...bands.flatMap((b) => [...b.low, ...b.high])]);
  const right = Math.max(...xs, 0) || 1;
  const left = Math.min(...xs, 0);
  const top = isLog ? 10 ** Math.ceil(Math.log10(Math.max(...ys, 1e-6)) + 1e-9) : (Math.max(...ys, 0) || 1) * 1.08;
  const bottom = isLog ? 10 ** Math.floor(Math.log10(Math.min(...ys, top / 10)) - 1e-9) : Math.min(...ys, 0);
  const frame = { left: 52, right: width - 10, top: title ? 30 : 10, bottom: height - 34 };
  const scale = (value) => (isLog ? Math.log10(Math.max(value, bottom)) : value);
  const px = (value) => frame.left + ((value - left) / (right - left)) * (frame.right - frame.left);
  const py = (value) =>
    frame.bottom - ((scale(value) - scale(bottom)) / (scale(top) - scale(bottom) || 1)) * (frame.bottom - frame.top);
  const f = (number) => number.toFixed(1);
  const out = [];
  const labels = isLog ? powers(bottom, top) : ticks(bottom, top, 4);
  for (const value of labels) {
    out.push(`<line x1="${frame.left}" x2="${frame.right}" y1="${f(py(value))}" y2="${f(py(value))}" stroke="${colours.line}"/>`);
    out.push(`<text x="${frame.left - 6}" y="${f(py(value) + 3.5)}" text-anchor="end">${escaped(shown(value, kind))}</text>`);
  }
  for (const value of ticks(left, right, 5)) {
    out.push(`<text x="${f(px(value))}" y="${frame.bottom + 14}" text-anchor="middle">${escaped(shown(value))}</text>`);
  }
  out.push(`<line x1="${frame.left}" x2="${frame.right}" y1="${frame.bottom}" y2="${frame.bottom}" stroke="${colours.muted}"/>`);
  for (const mark of marks) {
    const until = mark.until_s ?? right;
    const w = Math.max(1, px(until) - px(mark.from_s));
    out.push(`<rect x="${f(px(mark.from_s))}" y="${frame.top}" width="${f(w)}" height="${frame.bottom - frame.top}" fill="${colours.fault}" fill-opacity="${until > mark.from_s ? 0.12 : 0.8}"><title>${escaped(mark.label)}</title></rect>`);
  }
  for (const { x: at, low, high, colour } of bands) {
    const up = [...at].map((t, k) => `${f(px(t))},${f(py(high[k]))}`);
    const down = [...at].map((t, k) => `${f(px(t))},${f(py(low[k]))}`).reverse();
    if (up.length) out.push(`<polygon points="${[...up, ...down].join(" ")}" fill="${colour}" fill-opacity="0.14"/>`);
  }
  for (const stroke of strokes) out.push(drawn(stroke, px, py, frame, f));
  const heading = title ? `<text x="${frame.left}" y="16" font-weight="600" font-size="12" fill="${colours.text}">${escaped(title)}</text>` : "";
  const axes = `<text x="${frame.right}" y="${height - 4}" text-anchor="end">${escaped(x)}</text>` +
    `<text x="${frame.left - 44}" y="${title ? 27 : 9}">${escaped(y)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title || y)}" font-family="${escaped(colours.font)}" font-size="10.5" fill="${colours.muted}">${heading}${axes}${out.join("")}</svg>`;
}

function drawn({ shape, x, y, colour, dash, label }, px, py, frame, f) {
  const named = `<title>${escaped(label)}</title>`;
  const style = `fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash.join(" ")}"` : ""}`;
  if (shape === "upright") {
    return `<line x1="${f(px(x[0]))}" x2="${f(px(x[0]))}" y1="${frame.top}" y2="${frame.bottom}" ${style} stroke-dasharray="2 3">${named}</line>`;
  }
  if (shape === "across") {
    return `<line x1="${frame.left}" x2="${frame.right}" y1="${f(py(y[0]))}" y2="${f(py(y[0]))}" ${style} stroke-dasharray="6 3">${named}</line>`;
  }
  if (shape === "points") {
    return x.map((at, k) => `<circle cx="${f(px(at))}" cy="${f(py(y[k]))}" r="3.5" fill="${colour}">${named}</circle>`).join("");
  }
  let path = "";
  let before = null;
  x.forEach((at, k) => {
    if (!Number.isFinite(y[k])) { before = null; return; }
    const to = `${f(px(at))} ${f(py(y[k]))}`;
    if (before === null) path += `M${to}`;
    else if (shape === "steps") path += `H${f(px(at))}V${f(py(y[k]))}`;
    else path += `L${to}`;
    before = at;
  });
  return `<path d="${path}" ${style}>${named}</path>`;
}
