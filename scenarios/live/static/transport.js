// Pause, step, speed: where the time of the market is ours.
import { S } from "./strings.js";
import { element, put } from "./format.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 50, 0];

export function transport(box, app) {
  const play = element("button", { type: "button", id: "play", onclick: () => app.command({ pause: play.dataset.does === "pause" }) });
  const step = element("button", { type: "button", id: "step", onclick: () => app.command({ step: true }) }, S.step);
  const restart = element("button", { type: "button", id: "restart", onclick: () => app.command({ restart: true, pause: false }) }, S.restart);
  const speed = element("select", { id: "speed", "aria-label": S.speed, onchange: () => app.command({ speed: Number(speed.value) }) },
    ...SPEEDS.map((one) => element("option", { value: one }, one ? `${one} ×` : S.fastest)));
  box.setAttribute("aria-label", S.transport);
  box.replaceChildren(play, step, restart, speed);
  return {
    update({ pace, state, source }) {
      box.hidden = !pace?.may_set;
      if (box.hidden) return;
      play.dataset.does = pace.paused ? "play" : "pause";
      put(play, pace.paused ? S.play : S.pause);
      play.disabled = state === "ended";
      step.disabled = !pace.paused || state === "ended";
      restart.hidden = source !== "folder";
      const wanted = Number.isFinite(pace.speed) ? pace.speed : 0;
      if (!SPEEDS.includes(wanted) && ![...speed.options].some((one) => Number(one.value) === wanted)) {
        speed.prepend(element("option", { value: wanted }, `${wanted} ×`));
      }
      if (document.activeElement !== speed) speed.value = String(wanted);
    },
  };
}
