// What all panels share: a heading, what it is about, and tools; and how pictures and numbers get to the clipboard.
import { S } from "./strings.js";
import { element } from "./format.js";

export function panel(key, title, unit, help, ...tools) {
  const id = `panel-${key}`;
  const body = element("div", { class: "body" });
  const box = element(
    "section",
    { class: `panel panel-${key}`, "aria-labelledby": id },
    element(
      "header", {},
      element("h2", { id }, title, unit ? element("span", { class: "unit" }, ` ${unit}`) : null),
      element("div", { class: "tools" }, ...tools),
    ),
    body,
    help ? element("p", { class: "help" }, help) : null,
  );
  return { box, body };
}

export function copier(what, as, make) {
  return element(
    "button",
    {
      type: "button",
      class: "quiet small",
      "aria-label": S.copyAs(what, as),
      title: S.copyAs(what, as),
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(make());
          say(S.copied(what, as));
        } catch {
          say(S.notCopied);
        }
      },
    },
    as,
  );
}

let timer = 0;

export function say(text) {
  const spoken = document.getElementById("spoken");
  spoken.textContent = text;
  spoken.classList.add("toast");
  clearTimeout(timer);
  timer = setTimeout(() => spoken.classList.remove("toast"), 2500);
}

// The shortest number that a 32-bit float of this value may have been: 0.01, and not 0.009999999776482582.
function meant(value) {
  if (typeof value !== "number" || Number.isInteger(value) || Math.fround(value) !== value) return value;
  return [6, 7, 8, 9].map((digits) => Number(value.toPrecision(digits))).find((short) => Math.fround(short) === value) ?? value;
}

const cell = (value) => {
  const text = value === null || value === undefined || Number.isNaN(value) ? "" : String(meant(value));
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export const headed = (label, unit) => (unit ? `${label} (${unit})` : label);

export const csv = (heads, rows) => [heads, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
