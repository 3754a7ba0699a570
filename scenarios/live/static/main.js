// The page: what the server sends goes to the panels that the market has declared.
import { S } from "./strings.js";
import { clock, element, put, shown } from "./format.js";
import { decode } from "./msgpack.js";
import { begin } from "./theme.js";
import { course } from "./courses.js";
import { graph } from "./graph.js";
import { table } from "./table.js";
import { log } from "./log.js";
import { detail } from "./detail.js";
import { transport } from "./transport.js";
import { desk } from "./desk.js";

const RETRY_MS = [200, 400, 800];
const MAKE = { course, graph, table };
const phone = matchMedia("(max-width: 40rem)"); // as in app.css
const at = (id) => document.getElementById(id);

let socket = null;
let tries = 0;
let panels = [];
let layout = null;
let pace = { state: "waiting", now: 0, pace: null, source: "", note: "" };
let heardAt = performance.now();
const wish = { follow: "", lines: {} };
let isFresh = true;

const app = {
  now: () => pace.now,
  followed: () => wish.follow,
  follow(name) {
    wish.follow = wish.follow === name ? "" : name;
    orders.follow(wish.follow);
    for (const one of panels) one.update({ followed: true, detail: null });
    ask();
  },
  wish(news) {
    Object.assign(wish, news);
    ask();
  },
  command: (said) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(said)),
  canChart: (role) => role !== "" && charted(role).length > 0,
  chartNode() {
    for (const spec of layout.panels.filter((one) => one.type === "course" && one.each)) {
      const names = (wish.lines[spec.key] ??= []);
      if (!names.includes(wish.follow)) names.push(wish.follow);
    }
    ask();
  },
  unchart(name) {
    for (const key of Object.keys(wish.lines)) wish.lines[key] = wish.lines[key].filter((one) => one !== name);
    ask();
  },
};

const charted = (role) => layout.panels.filter((one) => one.type === "course" && one.each === role);

// Somebody is followed from the start, so that it is seen what following shows; not on a phone, where that comes before the courses.
function followFirst(tables) {
  const first = Object.values(tables ?? {})[0]?.rows[0]?.[0];
  if (first === undefined) return;
  isFresh = false;
  if (phone.matches) return;
  if (wish.follow === "") app.follow(first);
}

let asked = 0;
function ask() {
  clearTimeout(asked);
  asked = setTimeout(() => app.command({ wish }), 40);
}

function lay(told) {
  layout = told;
  put(at("title"), told.title);
  put(at("subtitle"), told.subtitle);
  document.title = `${told.title} · bidswarm`;
  const made = told.panels.map((spec) => ({ spec, ...MAKE[spec.type](spec, app) }));
  const watched = detail(app);
  const told_ = log(told.events, app);
  // The graph beside the followed node, then courses, then the log beside the table.
  const of = (type) => made.filter((one) => one.spec.type === type).map((one) => one.box);
  at("panels").replaceChildren(
    element("div", { class: "row lead" }, ...of("graph"), watched.box),
    element("div", { class: "row courses" }, ...of("course")),
    element("div", { class: "row lists" }, ...of("table"), told_.box),
  );
  panels = [...made, watched, told_];
  at("figures").replaceChildren(...told.figures.map((figure) =>
    element("div", { "data-figure": figure.key, title: figure.help },
      element("dt", {}, figure.label),
      element("dd", {}, element("span", { class: "value" }, "–"), figure.unit ? element("span", { class: "unit" }, ` ${figure.unit}`) : null))));
}

function write(figures) {
  for (const figure of layout.figures) {
    const box = at("figures").querySelector(`[data-figure="${figure.key}"] .value`);
    put(box, shown(figures[figure.key], figure.kind));
    box.dataset.value = figures[figure.key] ?? "";
  }
}

function tell(news) {
  const before = stateOf(pace);
  pace = news;
  heardAt = performance.now();
  const state = stateOf(pace);
  const badge = at("state");
  badge.dataset.state = state;
  put(badge, S.state[state]);
  put(at("note"), news.note);
  controls.update(news);
  if (state !== before) put(at("spoken"), S.spoken[state]);
}

const stateOf = (told) => (told.state === "running" && told.pace?.paused ? "paused" : told.state);

// Between two frames the clock goes on as the market does.
function ticking() {
  const isRunning = pace.state === "running" && !pace.pace?.paused && socket?.readyState === WebSocket.OPEN;
  const speed = pace.pace && Number.isFinite(pace.pace.speed) ? pace.pace.speed : pace.pace ? 0 : 1;
  const passed = isRunning ? Math.min(0.5, (performance.now() - heardAt) / 1000) * speed : 0;
  put(at("time"), clock(pace.now + (pace.pace ? 0 : passed)));
}

function connect() {
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    tries = 0;
    document.body.classList.remove("offline");
    app.command({ wish });
  });
  socket.addEventListener("message", ({ data }) => {
    const news = decode(data);
    if (news.layout) lay(news.layout);
    if (news.pace) tell(news.pace);
    if (news.figures) write(news.figures);
    if (news.desk !== undefined) orders.update(news.desk);
    for (const one of panels) one.update(news);
    if (isFresh) followFirst(news.tables);
  });
  socket.addEventListener("close", () => {
    document.body.classList.add("offline");
    if (tries === 0) {
      at("state").dataset.state = "lost";
      put(at("state"), S.state.lost);
      put(at("note"), S.offline);
      put(at("spoken"), S.spoken.lost);
    }
    setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
  });
}

put(at("skip"), S.skip);
put(at("footer"), S.footer);
const controls = transport(at("transport"), app);
const orders = desk(at("desk"), app);
begin(at("theme"));
setInterval(ticking, 100);
connect();
