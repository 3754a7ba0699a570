// One node followed: its figures, and its pictures as SVG.
import { S } from "./strings.js";
import { element, put, withUnit } from "./format.js";
import { copier, csv, headed, panel } from "./panel.js";
import { onTheme, palette, zoom } from "./theme.js";
import { chart } from "./svg.js";

const COLOUR = { line: 0, steps: 0, points: 1, upright: 2, across: 1 };

export function detail(app) {
  const stop = element("button", { type: "button", class: "quiet small", onclick: () => app.follow("") }, S.unfollow);
  const add = element("button", { type: "button", class: "quiet small", onclick: () => app.chartNode() }, S.addToCharts);
  const { box, body } = panel("detail", S.following, "", "", add, stop);
  const role = element("span", { class: "unit" });
  box.querySelector("h2").append(role);
  const empty = element("p", { class: "empty" }, S.followNone);
  const facts = element("dl", { class: "facts" });
  const plots = element("div", { class: "plots" });
  body.append(empty, facts, plots);
  let told = null;

  const drawn = (plot, size) => {
    const colours = palette();
    const strokes = plot.strokes.map((stroke) => ({ ...stroke, colour: colours.series[COLOUR[stroke.shape]] }));
    return chart({ title: plot.title, x: plot.x, y: plot.y, kind: plot.kind, strokes, colours, ...size });
  };

  function write() {
    empty.hidden = told !== null;
    facts.hidden = plots.hidden = told === null;
    stop.hidden = app.followed() === "";
    add.hidden = told === null || !app.canChart(told.role);
    put(role, app.followed() ? ` ${app.followed()}${told ? `, ${told.role}` : ""}` : "");
    empty.textContent = app.followed() ? S.followGone(app.followed()) : S.followNone;
    if (!told) return;
    facts.replaceChildren(...told.facts.flatMap(([label, value, unit]) => [element("dt", {}, label), element("dd", {}, withUnit(value, "number", unit))]));
    const keys = told.plots.map((plot) => plot.key).join();
    if (plots.dataset.keys !== keys) {
      plots.dataset.keys = keys;
      plots.replaceChildren(...told.plots.map((plot, k) => element("figure", {}, element("div", { class: "picture" }), element("figcaption", {},
        element("span", { class: "strokes" }),
        copier(plot.title, S.copyCsv, () => table(told.plots[k])),
        copier(plot.title, S.copySvg, () => drawn(told.plots[k], { width: 640, height: 320 }))))));
    }
    const colours = palette();
    told.plots.forEach((plot, k) => {
      const [picture, caption] = plots.children[k].children;
      picture.innerHTML = drawn(plot, { width: Math.max(240, Math.round(picture.clientWidth / zoom()) || 420) });
      const names = plot.strokes.length > 1 ? plot.strokes : [];
      caption.firstChild.replaceChildren(...names.flatMap((stroke) => {
        const dot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        dot.setAttribute("viewBox", "0 0 10 10");
        dot.setAttribute("width", "10");
        dot.setAttribute("height", "10");
        dot.setAttribute("aria-hidden", "true");
        const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
        for (const [key, value] of Object.entries({ cx: 5, cy: 5, r: 4, fill: colours.series[COLOUR[stroke.shape]] })) circle.setAttribute(key, value);
        dot.append(circle);
        return [element("span", { class: "stroke" }, dot, stroke.label)];
      }));
    });
  }

  const table = (plot) =>
    csv([S.line, plot.x === S.second ? headed(S.time, plot.x) : headed("x", plot.x), headed(plot.title, plot.y)], plot.strokes.flatMap((stroke) =>
      Array.from({ length: Math.max(stroke.x.length, stroke.y.length) }, (_, k) => [stroke.label, stroke.x[k], stroke.y[k]])));

  onTheme(write);
  write();
  return {
    box,
    update(news) {
      if ("detail" in news) told = news.detail;
      if ("detail" in news || news.followed) write();
    },
  };
}
