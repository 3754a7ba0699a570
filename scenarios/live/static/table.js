// The nodes one by one; the server sorts, searches and cuts, so that ten thousand cost no more than fifty.
import { S } from "./strings.js";
import { element, put, shown } from "./format.js";
import { copier, csv, headed, panel } from "./panel.js";

const PAGE = 50;

export function table(spec, app) {
  let told = { total: 0, found: 0, first: 0, rows: [] };
  let sort = "";
  let descending = false;
  let first = 0;
  const search = element("input", { type: "search", id: `search-${spec.key}`, placeholder: S.search, "aria-label": S.searchNodes, autocomplete: "off" });
  const { box, body } = panel(`table-${spec.key}`, spec.title, "", spec.help, search,
    copier(spec.title, S.copyCsv, () => csv(spec.columns.map((one) => headed(one.label, one.unit)), told.rows)));
  box.classList.add("wide");

  const heads = spec.columns.map((column) => {
    const button = element("button", { type: "button", title: column.help || column.label, onclick: () => turn(column) },
      column.label, column.unit ? element("span", { class: "unit" }, ` ${column.unit}`) : null);
    return element("th", { scope: "col", "aria-sort": "none", class: column.kind === "text" ? "" : "number" }, button);
  });
  const rows = element("tbody");
  const count = element("span", { class: "count" });
  const before = element("button", { type: "button", class: "quiet", onclick: () => page(-1) }, S.previous);
  const after = element("button", { type: "button", class: "quiet", onclick: () => page(1) }, S.next);
  body.append(
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": S.scrolling(spec.title) },
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)), rows)),
    element("div", { class: "pager" }, before, count, after),
  );

  function turn(column) {
    if (sort === column.key) descending = !descending;
    else [sort, descending] = [column.key, column.kind !== "text"];
    first = 0;
    heads.forEach((head, k) => head.setAttribute("aria-sort", spec.columns[k].key === sort ? (descending ? "descending" : "ascending") : "none"));
    ask();
  }

  function page(by) {
    first = Math.max(0, first + by * PAGE);
    ask();
  }

  search.addEventListener("input", () => { first = 0; ask(); });
  const ask = () => app.wish({ sort, descending, first, count: PAGE, search: search.value.slice(0, 100) });

  function row() {
    const name = element("button", { type: "button", class: "link" });
    name.addEventListener("click", () => app.follow(name.textContent));
    const cells = spec.columns.slice(1).map((column) => element("td", { class: column.kind === "text" ? "" : "number" }));
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  }

  function write() {
    while (rows.children.length > told.rows.length) rows.lastChild.remove();
    told.rows.forEach((values, k) => {
      const line = rows.children[k] ?? rows.appendChild(row());
      const name = line.firstChild.firstChild;
      put(name, String(values[0]));
      name.setAttribute("aria-label", S.follow(values[0]));
      line.classList.toggle("followed", values[0] === app.followed());
      spec.columns.slice(1).forEach((column, at) => {
        const cell = line.children[at + 1];
        put(cell, shown(values[at + 1], column.kind));
        if (column.key === "state") cell.dataset.state = values[at + 1];
      });
    });
    const from = told.rows.length ? told.first + 1 : 0;
    put(count, told.found || !told.total ? S.rows(from, told.first + told.rows.length, told.found, told.total) : S.noneFound(told.total));
    before.disabled = told.first === 0;
    after.disabled = told.first + told.rows.length >= told.found;
  }

  return {
    box,
    update(news) {
      if (news.tables?.[spec.key]) {
        told = news.tables[spec.key];
        write();
      } else if (news.followed) write();
    },
  };
}
