// Says something again until it is answered (docs/protocol.md, section 5, "Who repeats what, until which answer").

const RETRY_MS = 1000;
const PATIENCE = 10;
const PROMPT = 3;
const LONGEST = 8;

export class Repeater {
  /** `say` says it, `giveUp` is called when nobody answers. */
  start(say, giveUp) {
    this.stop();
    say();
    this.again(say, giveUp, 0);
  }

  again(say, giveUp, repeated) {
    const pause = RETRY_MS * Math.min(LONGEST, 2 ** Math.max(0, repeated + 1 - PROMPT));
    this.timer = setTimeout(() => {
      if (repeated === PATIENCE) return giveUp();
      say();
      return this.again(say, giveUp, repeated + 1);
    }, pause);
  }

  stop() {
    clearTimeout(this.timer);
  }
}
