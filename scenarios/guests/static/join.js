// The page of one guest: it shows what the server says of its node, and says what the person wants. The server knows
// by the cookie whose node that is.
import { begin } from "./theme.js";
import { put, shown } from "./format.js";
import { bidsRead, connected, facts, find, list, numbersIn, offers, receipts, sum, write } from "./hand.js";
import { T } from "./words.js";

const entry = find("entry");
const chosen = (name) => entry.elements[name].value;

function label() {
  const role = chosen("role");
  put(find("quantity-label"), T.quantity[role]);
  put(find("price-label"), T.price[role]);
  find("by").hidden = role !== "buyer";
}

function own(state) {
  const { entry: mine, receipts: got } = state;
  const mb = sum(got.map((one) => one.mb)), money = sum(got.map((one) => one.money));
  const buys = mine.role === "buyer";
  facts("facts", [
    [T.role, T.roles[mine.role]], [T.quantity[mine.role], shown(mine.quantity_mb)], [T.price[mine.role], shown(mine.price_per_mb)],
    [buys ? T.bought : T.sold, T.amount(shown(mb), shown(money))],
    buys ? [T.gain, shown(mine.price_per_mb * mb - money)] : null,
    !buys && state.cleared.mb !== undefined ? [T.cleared, T.amount(shown(state.cleared.mb), shown(state.cleared.money))] : null,
  ]);
}

function show(state) {
  document.body.dataset.phase = state.phase;
  const byHand = state.phase === "inside" && state.entry.role === "buyer" && state.entry.by === "hand";
  put(find("subtitle"), T.subtitle(state.name, state.market));
  put(find("note"), state.note);
  find("outside").hidden = state.phase !== "outside";
  find("mine").hidden = state.phase === "outside";
  find("leave").hidden = state.phase !== "inside";
  find("hand").hidden = !byHand;
  put(find("explained"), state.stand ? T.stand : T.undecided);
  offers(state, byHand, state.entry ? state.entry.quantity_mb - sum(state.receipts.map((one) => one.mb)) : Infinity);
  if (state.entry) own(state);
  receipts("receipts", state);
  list("lines", state.lines.slice().reverse(), T.noLine);
}

write();
begin(find("theme"));
label();
const say = connected("/join/live", show);
entry.addEventListener("change", label);
entry.addEventListener("submit", (event) => {
  event.preventDefault();
  const numbers = numbersIn([[entry.elements.quantity, true, T.missing], [entry.elements.price, false, T.missing]]);
  if (numbers) say({ enter: { role: chosen("role"), by: chosen("by"), quantity_mb: numbers[0], price_per_mb: numbers[1] } });
});
find("leave").addEventListener("click", () => say({ leave: true }));
for (const [id, stand] of [["place", false], ["accept", true]]) {
  find(id).addEventListener("click", () => {
    const at = bidsRead();
    if (at) say({ move: { at, stand } });
  });
}
