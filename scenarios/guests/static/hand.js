// What is on sale, and the bids of somebody who bids by hand; shared by the pages of guests and of the classroom.
import { element, put, shown } from "./format.js";
import { T } from "./words.js";

export const find = (id) => document.getElementById(id);
const rows = new Map();
const drawn = {};

// The bids that stand in the fields, by seller.
export function bidsSet() {
  const at = {};
  for (const [seller, { quantity, price, line }] of rows) {
    if (!line.hidden && Number(quantity.value) > 0 && price.value !== "") at[seller] = [Number(quantity.value), Number(price.value)];
  }
  return at;
}

export function clearBids() {
  for (const { line } of rows.values()) line.remove();
  rows.clear();
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

export function offers(state, byHand) {
  const there = new Map(state.offers.map((one) => [one.seller, one]));
  for (const seller of there.keys()) row(seller);
  for (const [seller, parts] of rows) {
    const offer = there.get(seller);
    parts.line.hidden = !offer;
    if (!offer) continue;
    put(parts.what, T.offer(shown(offer.left), shown(offer.supply), shown(offer.reserve), offer.state)
      + (offer.price === undefined || offer.price === null ? "" : ` ${T.toBeat(shown(offer.price))}`));
    parts.pair.hidden = !byHand || !state.pool.includes(seller) || offer.state === "closed";
    const bid = state.bids[seller], got = state.gets[seller];
    put(parts.gets, [bid && T.bids(shown(bid[0]), shown(bid[1])), got && T.gets(shown(got[0]), shown(got[1]))].filter(Boolean).join(" "));
  }
  find("empty").hidden = there.size > 0;
}

// Terms and what is to be said of each; those that are null are left out.
export function facts(id, said) {
  const shownNow = said.filter(Boolean);
  const key = JSON.stringify(shownNow);
  if (drawn[id] === key) return;
  drawn[id] = key;
  find(id).replaceChildren(...shownNow.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

export function list(id, texts, none) {
  const key = texts.join("\n");
  if (drawn[id] === key) return;
  drawn[id] = key;
  find(id).replaceChildren(...(texts.length ? texts : [none]).map((text) => element("li", {}, text)));
}

export function receipts(id, state) {
  list(id, state.receipts.map((one) => T.receipt[one.event](shown(one.mb), shown(one.money), one.peer)), T.noReceipt);
}

// A connection that comes back by itself; what it returns says something to the server.
export function connected(path, show) {
  const AGAIN_MS = 1000;
  let socket = null;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}${path}`);
    socket.addEventListener("message", (event) => show(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      put(find("note"), T.offline);
      setTimeout(connect, AGAIN_MS);
    });
  };
  connect();
  return (word) => { if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(word)); };
}
