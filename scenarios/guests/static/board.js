// The board of the classroom: who is there, the next round, the scores.
import { begin } from "./theme.js";
import { put } from "./format.js";
import { connected, find, list, write } from "./hand.js";
import { scoreTable } from "./scores.js";
import { C } from "./words.js";

function show(state) {
  put(find("note"), state.note);
  put(find("subtitle"), [state.market, state.round ? C.round(state.round, state.rounds) : C.rounds(state.rounds),
    state.left_s === null ? C.stage[state.phase] : state.left_s > 0 ? C.left(state.left_s) : C.ending[state.role]].filter(Boolean).join(" · "));
  const url = find("url");
  if (url.href !== state.url) url.href = state.url;
  put(url, state.url);
  put(find("count"), C.count(state.people.length, state.places));
  list("people", state.people.map((one) => (one.user ? `${one.name}: ${one.user}` : one.name)), C.nobody);
  const start = find("start");
  start.hidden = state.phase === "over";
  start.disabled = state.phase !== "lobby" || state.people.length === 0 || !state.is_ready;
  put(start, state.phase === "playing" ? C.goesOn : C.start(state.round + 1));
  find("board").hidden = state.scores.length === 0;
  scoreTable(find("scores"), state.scores);
}

write();
begin(find("theme"));
const say = connected("/board/live", show);
find("start").addEventListener("click", () => say({ start: true }));
