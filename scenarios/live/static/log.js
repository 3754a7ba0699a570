// What happened, newest first; which kinds of events are shown is up to the reader.
import { S } from "./strings.js";
import { clock, element } from "./format.js";
import { panel } from "./panel.js";

export function log(events, app) {
  const search = element("input", { type: "search", id: "search-log", placeholder: S.search, "aria-label": S.searchLog, autocomplete: "off" });
  const { box, body } = panel("log", S.log, "", "", search);
  const label = Object.fromEntries(events.map((event) => [event.key, event.label]));
  const chips = events.map((event) =>
    element("button", { type: "button", class: "chip", "aria-pressed": String(event.is_shown), "data-kind": event.key, onclick: (click) => {
      const chip = click.currentTarget;
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      ask();
    } }, event.label));
  const list = element("ol");
  let rows = new Map();
  body.append(
    element("div", { class: "chips", role: "group", "aria-label": S.kinds }, ...chips),
    element("div", { class: "entries", role: "log", "aria-live": "off", "aria-label": S.log, tabindex: "0" }, list),
  );
  search.addEventListener("input", () => ask());
  const ask = () =>
    app.wish({ kinds: chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.kind), words: search.value.slice(0, 100) });

  function item({ number, time_s: time, kind, node, text }) {
    const name = element("button", { type: "button", class: "link", onclick: () => app.follow(node) }, node);
    return element("li", { "data-kind": kind },
      element("span", { class: "at" }, clock(time)), element("span", { class: "kind" }, label[kind] ?? kind),
      element("span", { class: "what" }, name, ` ${text}`));
  }

  return {
    box,
    update(news) {
      if (!news.log) return;
      // By all that they say: at the end of a run another view counts its entries anew.
      const before = rows;
      rows = new Map(news.log.map((entry) => [JSON.stringify(entry), entry]).map(([key, entry]) => [key, before.get(key) ?? item(entry)]));
      const items = [...rows.values()];
      if (items.length) list.replaceChildren(...items);
      else list.replaceChildren(element("li", { class: "empty" }, S.logEmpty));
    },
  };
}
