// What people have happen in the market, and what became of it.
import { S } from "./strings.js";
import { element, put } from "./format.js";

export function desk(box, app) {
  const kind = element("select", { id: "order-kind", onchange: () => choose() });
  const node = element("input", { id: "order-node", type: "text", required: true, maxlength: 64, autocomplete: "off", spellcheck: "false" });
  const amount = element("input", { id: "order-amount", type: "number", step: "any", min: 0, required: true });
  const unit = element("span", { class: "unit" });
  const field = (control, label, ...more) => element("span", { class: "field" }, element("label", { for: control.id }, label), control, ...more);
  const amountBox = field(amount, S.orderAmount, unit);
  const send = element("button", { type: "submit" }, S.order);
  const to = element("span", { class: "unit" });
  const form = element("form", { onsubmit: (event) => { event.preventDefault(); ask(); } },
    field(kind, S.orderKind), field(node, S.orderNode, to), amountBox, send);
  const closed = element("p", { class: "help" }, S.orderNeedsToken);
  const said = element("ol", { class: "said" });
  const title = element("h2", { id: "desk-title" }, S.desk);
  box.setAttribute("aria-labelledby", "desk-title");
  box.replaceChildren(element("header", {}, title), form, closed, element("div", { role: "log", "aria-label": S.orderSaid }, said));
  let offers = [];
  let last = 0;
  let isTyped = false;
  node.addEventListener("input", () => { isTyped = node.value !== ""; });

  const chosen = () => offers.find((one) => one.key === kind.value);

  function choose() {
    const offer = chosen();
    put(to, offer.to);
    put(unit, offer.unit);
    amountBox.hidden = offer.amount === null;
    amount.required = !amountBox.hidden && offer.is_needed;
    amount.value = offer.amount ?? "";
  }

  function ask() {
    const offer = chosen();
    app.command({ order: { kind: offer.key, node: node.value.trim(), ...(Number.isNaN(amount.valueAsNumber) ? {} : { amount: amount.valueAsNumber }) } });
  }

  return {
    follow(name) {
      if (!isTyped) node.value = name;
    },
    update(news) {
      box.hidden = news === null;
      if (news === null) return;
      const may = news.offers.length > 0;
      form.hidden = !may;
      closed.hidden = may;
      send.disabled = !news.is_open;
      if (may && offers.length === 0) {
        offers = news.offers;
        kind.replaceChildren(...offers.map((one) => element("option", { value: one.key }, one.label)));
        choose();
      }
      for (const one of news.said.filter(({ number }) => number > last)) {
        last = one.number;
        said.prepend(element("li", { "data-refused": String(one.is_refused) }, one.is_refused ? `${S.refused}: ${one.text}` : one.text));
      }
      while (said.children.length > news.said.length) said.lastChild.remove();
    },
  };
}
