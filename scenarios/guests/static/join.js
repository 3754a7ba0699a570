// The page of one guest: it shows what the server says of its node, and says what the person wants. The server knows
// by the cookie whose node that is.
import { begin } from "./theme.js";
import { element, put, shown } from "./format.js";
import { T } from "./words.js";

const AGAIN_MS = 1000;
const find = (id) => document.getElementById(id);
const entry = find("entry");
const rows = new Map();
let socket = null;
let drawn = {};

const say = (word) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(word)); };
const chosen = (name) => entry.elements[name].value;
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

function label() {
  const role = chosen("role");
  put(find("quantity-label"), T.quantity[role]);
  put(find("price-label"), T.price[role]);
  find("by").hidden = role !== "buyer";
}

entry.addEventListener("change", label);
entry.addEventListener("submit", (event) => {
  event.preventDefault();
  const numbers = { quantity_mb: Number(chosen("quantity")), price_per_mb: Number(chosen("price")) };
  say({ enter: { role: chosen("role"), by: chosen("by"), ...numbers } });
});
find("leave").addEventListener("click", () => say({ leave: true }));
find("place").addEventListener("click", () => bid(false));
find("accept").addEventListener("click", () => bid(true));

function bid(stand) {
  const at = {};
  for (const [seller, { quantity, price, line }] of rows) {
    if (!line.hidden && Number(quantity.value) > 0 && price.value !== "") at[seller] = [Number(quantity.value), Number(price.value)];
  }
  say({ move: { at, stand } });
}

function row(seller) {
  if (!rows.has(seller)) {
    const field = (text) => element("input", { type: "number", inputmode: "decimal", min: "0", step: "any", "aria-label": text(seller) });
    const quantity = field(T.bidQuantity), price = field(T.bidPrice);
    const pair = element("div", { class: "pair" },
      element("label", { class: "field" }, element("span", {}, "MB"), quantity),
      element("label", { class: "field" }, element("span", {}, T.perMb), price));
    const what = element("span", {}), gets = element("span", { class: "gets" });
    const line = element("li", { "data-seller": seller }, element("strong", {}, seller), what, pair, gets);
    rows.set(seller, { line, what, pair, gets, quantity, price });
    find("offers").append(line);
  }
  return rows.get(seller);
}

function offers(state, byHand) {
  const there = new Map(state.offers.map((one) => [one.seller, one]));
  for (const seller of there.keys()) row(seller);
  for (const [seller, parts] of rows) {
    const offer = there.get(seller);
    parts.line.hidden = !offer;
    if (!offer) continue;
    put(parts.what, T.offer(shown(offer.left), shown(offer.supply), shown(offer.reserve), offer.state));
    parts.pair.hidden = !byHand || !state.pool.includes(seller);
    const bid = state.bids[seller], got = state.gets[seller];
    put(parts.gets, [bid && T.bids(shown(bid[0]), shown(bid[1])), got && T.gets(shown(got[0]), shown(got[1]))].filter(Boolean).join(" "));
  }
  find("empty").hidden = there.size > 0;
}

function facts(state) {
  const { entry: own, receipts } = state;
  const mb = sum(receipts.map((one) => one.mb)), money = sum(receipts.map((one) => one.money));
  const buys = own.role === "buyer";
  const said = [
    [T.role, T.roles[own.role]], [T.quantity[own.role], shown(own.quantity_mb)], [T.price[own.role], shown(own.price_per_mb)],
    [buys ? T.bought : T.sold, T.amount(shown(mb), shown(money))],
    buys ? [T.gain, shown(own.price_per_mb * mb - money)] : null,
    !buys && state.cleared.mb !== undefined ? [T.cleared, T.amount(shown(state.cleared.mb), shown(state.cleared.money))] : null,
  ].filter(Boolean);
  find("facts").replaceChildren(...said.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function list(id, texts, none) {
  const key = texts.join("\n");
  if (drawn[id] === key) return;
  drawn[id] = key;
  find(id).replaceChildren(...(texts.length ? texts : [none]).map((text) => element("li", {}, text)));
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
  offers(state, byHand);
  if (state.entry) facts(state);
  list("receipts", state.receipts.map((one) => T.receipt[one.event](shown(one.mb), shown(one.money), one.peer)), T.noReceipt);
  list("lines", state.lines.slice().reverse(), T.noLine);
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/join/live`);
  socket.addEventListener("message", (event) => show(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    put(find("note"), T.offline);
    setTimeout(connect, AGAIN_MS);
  });
}

begin(find("theme"));
label();
connect();
