// The score board: one row for each person, best first.
import { element, shown } from "./format.js";
import { C } from "./words.js";

const drawn = new WeakMap();

export function scoreTable(node, scores, own = "") {
  const key = JSON.stringify(scores);
  if (drawn.get(node) === key) return;
  drawn.set(node, key);
  const rounds = Math.max(0, ...scores.flatMap((one) => one.rounds.map((score) => score.round)));
  const numbers = [...Array(rounds).keys()].map((k) => k + 1);
  const head = [C.place, C.name, ...numbers.map(C.roundNumber), C.total, C.strategy];
  const of = (one, k) => one.rounds.find((score) => score.round === k);
  const cells = (one, place) => [
    place + 1, one.name, ...numbers.map((k) => (of(one, k) ? shown(of(one, k).earned) : "–")), shown(one.earned), shown(one.strategy),
  ];
  node.replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, String(text))))),
    element("tbody", {}, ...scores.map((one, place) =>
      element("tr", { class: one.name === own && own ? "own" : null }, ...cells(one, place).map((text) => element("td", {}, String(text))))))));
}
