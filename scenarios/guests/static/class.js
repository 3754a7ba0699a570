// The page of one person in the classroom. The server knows by the cookie whose place that is.
import { begin } from "./theme.js";
import { put, shown } from "./format.js";
import { bidsRead, clearBids, connected, facts, find, numbersIn, offers, receipts, sum, write } from "./hand.js";
import { scoreTable } from "./scores.js";
import { C, T } from "./words.js";

let round = 0;

function worth(points) {
  const [[, first]] = points;
  if (points.every(([, price]) => price === first)) return [[C.worthAll, shown(first)]];
  return points.map(([mb, price]) => [C.worth(shown(mb)), shown(price)]);
}

function buyer(state) {
  offers(state, state.phase === "playing", state.worth.at(-1)[0] - sum(state.receipts.map((one) => one.mb)));
  receipts("receipts", state);
  facts("facts", [
    [C.you, state.user],
    ...worth(state.worth.slice(0, -1)),
    [C.demand, `${shown(state.worth.at(-1)[0])} MB`],
    state.budget === null ? null : [C.budget, shown(state.budget)],
    [C.earned, shown(state.utility)],
  ]);
}

function operator(state) {
  facts("facts", [
    [C.you, state.user],
    [C.asks, state.moved ? shown(state.moved.margin_money) : C.nothingAsked],
    [C.cost, typeof state.cost === "number" ? shown(state.cost) : C.drawnCost],
    [C.capacity, `${shown(state.capacity_kbps)} kbit/s`],
    [C.open, shown(state.open, "count")], [C.won, `${shown(state.won, "count")} (${shown(state.share, "share")})`],
    [C.broken, shown(state.broken, "count")], [C.reputation, shown(state.reputation)],
    [C.profit, shown(state.utility)],
    [C.done, `${shown(state.done, "count")} of ${shown(state.calls, "count")}`],
  ]);
}

const ROLES = { buyer, operator };

function show(state) {
  if (state.round !== round) clearBids();
  round = state.round;
  const playing = state.phase === "playing" && state.user !== null;
  put(find("subtitle"), [state.name, state.market, state.round ? C.round(state.round, state.rounds) : "",
    state.left_s === null ? "" : state.left_s > 0 ? C.left(state.left_s) : C.ending[state.role]].filter(Boolean).join(" · "));
  put(find("note"), state.note);
  find("who").hidden = state.name !== "";
  find("waiting").hidden = state.name === "" || playing;
  put(find("waits"), C.waits[state.phase]);
  find("mine").hidden = !playing;
  find("prices").hidden = !playing || state.role !== "operator";
  find("market").hidden = find("bought").hidden = !playing || state.role !== "buyer";
  find("kept").hidden = state.round === 0;
  find("board").hidden = state.scores.length === 0;
  if (playing) ROLES[state.role](state);
  scoreTable(find("scores"), state.scores, state.name);
}

write();
begin(find("theme"));
const say = connected("/join/live", show);
find("naming").addEventListener("submit", (event) => {
  event.preventDefault();
  say({ name: event.target.elements.name.value });
});
find("place").addEventListener("click", () => {
  const at = bidsRead();
  if (at) say({ move: { at, stand: true } });
});
find("margin").addEventListener("submit", (event) => {
  event.preventDefault();
  const numbers = numbersIn([[event.target.elements.margin, false, T.missing]]);
  if (numbers) say({ move: { margin_money: numbers[0] } });
});
