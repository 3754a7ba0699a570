// Light, dark, or as the system has it; what is drawn asks here for its colours.
import { S } from "./strings.js";

const KEY = "bidswarm-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const order = ["auto", "light", "dark"];
const heard = [];
let chosen = order.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto";
let colours = null;

const channels = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

// By how much this page's type is larger than that of a desk: what is drawn grows with it.
let zoomed = 0;
export const zoom = () => (zoomed ||= parseFloat(getComputedStyle(document.documentElement).fontSize) / 15);
addEventListener("resize", () => { zoomed = 0; });

export function palette() {
  if (colours) return colours;
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  colours = {
    text: of("--text"), muted: of("--muted"), line: of("--line"), panel: of("--panel"), accent: of("--accent"),
    track: of("--track"), flash: of("--flash"), fault: of("--fault"),
    series: [0, 1, 2, 3, 4, 5, 6].map((k) => of(`--series-${k}`)),
    ramp: [0, 1, 2, 3, 4].map((k) => channels(of(`--ramp-${k}`))),
    font: of("--font"),
  };
  return colours;
}

export function onTheme(listener) {
  heard.push(listener);
}

function apply(button) {
  document.documentElement.dataset.theme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
  button.textContent = `◐ ${S.theme[chosen]}`;
  button.setAttribute("aria-label", S.themeIs(S.theme[chosen]));
  colours = null;
  for (const listener of heard) listener();
}

export function begin(button) {
  apply(button);
  system.addEventListener("change", () => apply(button));
  button.addEventListener("click", () => {
    chosen = order[(order.indexOf(chosen) + 1) % order.length];
    localStorage.setItem(KEY, chosen);
    apply(button);
  });
}

// A colour of the ramp, from 0 to 1.
export function ramp(share) {
  const stops = palette().ramp;
  const at = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
  const k = Math.floor(at);
  const mixed = stops[k].map((low, c) => Math.round(low + (at - k) * (stops[k + 1][c] - low)));
  return `rgb(${mixed.join(",")})`;
}
