// What is on sale, and the bids of somebody who bids by hand; shared by the pages of guests and of the classroom.
import { element, put, shown } from "./format.js";
import { P, T } from "./words.js";

export const find = (id) => document.getElementById(id);

// Write the words of the page to where its HTML names them.
export function write() {
  for (const node of document.querySelectorAll("[data-text]")) put(node, P[node.dataset.text]);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", P[node.dataset.label]);
}

const rows = new Map();
const drawn = {};
let wants = Infinity, faults = 0;

export const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const isEmpty = (input) => input.value === "" && !input.validity.badInput;

// Say beside a field what is wrong with it; an empty text takes that back.
function complain(input, text) {
  const field = input.closest(".field");
  let fault = field.nextElementSibling?.matches(".fault") ? field.nextElementSibling : null;
  if (!text) {
    fault?.remove();
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
    return;
  }
  if (!fault) {
    fault = element("span", { class: "fault", id: `fault-${++faults}` });
    field.after(fault);
  }
  put(fault, text);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", fault.id);
}

// The numbers in these fields, [field, whether 0 is too little, what to say where it is empty]; null if one is wrong,
// of which is said what.
export function numbersIn(fields) {
  const values = fields.map(([input, isAmount, missing]) => {
    const value = Number(input.value || "none");
    const fault = isEmpty(input) ? missing : Number.isNaN(value) ? T.noNumber
      : isAmount && value <= 0 ? T.noAmount(shown(value)) : value < 0 ? T.negative(shown(value)) : "";
    complain(input, fault);
    return fault ? null : value;
  });
  const first = fields[values.indexOf(null)];
  if (!first) return values;
  first[0].focus();
  return null;
}

// The bids in the fields, by seller; null if something is wrong with them.
export function bidsRead() {
  const set = [...rows.entries()].filter(([, { line, pair }]) => !line.hidden && !pair.hidden);
  const wanted = set.filter(([, { quantity, price }]) => !isEmpty(quantity) || !isEmpty(price));
  for (const [, { quantity, price }] of set) for (const input of [quantity, price]) complain(input, "");
  const numbers = numbersIn(wanted.flatMap(([, { quantity, price }]) => [[quantity, true, T.noQuantity], [price, false, T.noPrice]]));
  if (!numbers) return null;
  for (const [, parts] of set) parts.isTakenBack = isEmpty(parts.quantity) && (parts.stands || parts.isTakenBack);
  const at = Object.fromEntries(wanted.map(([seller], k) => [seller, numbers.slice(2 * k, 2 * k + 2)]));
  const all = sum(Object.values(at).map(([mb]) => mb));
  put(find("excess"), all > wants ? T.excess(shown(all), shown(wants)) : "");
  return at;
}

export function clearBids() {
  for (const { line } of rows.values()) line.remove();
  rows.clear();
  put(find("excess"), "");
}

function row(seller) {
  if (!rows.has(seller)) {
    const field = (text) => element("input", { type: "number", inputmode: "decimal", min: "0", step: "any", "aria-label": text(seller) });
    const quantity = field(T.bidQuantity), price = field(T.bidPrice);
    const pair = element("div", { class: "pair" },
      element("div", {}, element("label", { class: "field" }, element("span", {}, "MB"), quantity)),
      element("div", {}, element("label", { class: "field" }, element("span", {}, T.perMb), price)));
    const what = element("span", {}), bids = element("span", {}), gets = element("span", { "aria-live": "polite" });
    const line = element("li", { "data-seller": seller }, element("strong", {}, seller), what, pair, bids, gets);
    rows.set(seller, { line, what, pair, bids, gets, quantity, price, stands: false, isTakenBack: false });
    find("offers").append(line);
  }
  return rows.get(seller);
}

// What there is at a seller, and what must be beaten there, as far as that is known.
function shelf(one) {
  if (one.state === "closed") return T.over(shown(one.supply - one.on_sale), shown(one.supply));
  const terms = [shown(one.supply), shown(one.reserve), one.state];
  return [
    one.on_sale === null ? T.inAll(...terms) : T.onSale(shown(one.on_sale), ...terms),
    one.free > 0 ? T.free(shown(one.free)) : one.price === null ? T.unknownPrice : T.toBeat(enough(one)),
  ].join(" ");
}

// The price that gets something: the reserve price itself is enough where nobody bids more.
const enough = (one) => (one.price > one.reserve ? T.moreThan(shown(one.price)) : T.atLeast(shown(one.reserve)));

// What each seller has, and one's own bid there; ``most`` is what one still wants, MB.
export function offers(state, byHand, most) {
  wants = most;
  const there = new Map(state.offers.map((one) => [one.seller, one]));
  for (const seller of there.keys()) row(seller);
  for (const [seller, parts] of rows) {
    const offer = there.get(seller);
    parts.line.hidden = !offer;
    if (!offer) continue;
    put(parts.what, shelf(offer));
    parts.pair.hidden = !byHand || !state.pool.includes(seller) || offer.state === "closed";
    const bid = state.bids[seller], got = state.gets[seller];
    parts.stands = Boolean(bid);
    put(parts.bids, bid ? T.bids(shown(bid[0]), shown(bid[1])) : parts.isTakenBack ? T.takenBack : "");
    put(parts.gets, !got ? "" : got[0] > 0 ? T.gets(shown(got[0]), shown(got[1])) : T.getsNothing(enough(offer)));
    parts.gets.className = got && got[0] > 0 ? "gets" : "nothing";
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
