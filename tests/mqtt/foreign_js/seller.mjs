// A seller with a fixed reserve price, as docs/protocol.md, section 8 describes it.
//
//   node seller.mjs --broker mqtt://127.0.0.1 --host shop --market lab --supply 60 --reserve 0.1 --quiet 5

import { clear } from './clearing.mjs';
import { run } from './command.mjs';
import { Repeater } from './repeater.mjs';
import { digestOf, isSame } from './wire.mjs';

const AUCTION = 0;
const CLEARING_MS = 250;
const LINGER_MS = 3000;
const RETRY_MS = 1000;
const PATIENCE = 10;
const LONGEST_WAIT = 10;
const ROUNDING = 1e-9;

class Seller {
  constructor(host, journal, { supply, reserve, quiet, wait }) {
    this.host = host;
    this.journal = journal;
    this.watches = [];
    this.reserve = Number(reserve);
    this.quietMs = 1000 * Number(quiet);
    this.waits = wait;
    this.state = 'open';
    this.round = 0;
    this.adverts = 0;
    this.bids = new Map(); // by bidder: { quantity, price, seq } and what it was told last
    this.newest = new Map(); // by bidder: the largest seq
    this.book = null; // of the last clearing: what all profiles share
    this.digest = new Uint8Array(16);
    this.allocated = 0;
    this.awards = new Map(); // by winner who has not answered: { award, repeater }
    this.accepted = new Map(); // by winner: the award
    this.awarded = new Map(); // the book that the awards follow from, without who did not stand by its bid
    this.receipts = new Map(); // by winner and round
    this.sold = 0;
    journal.write('started');
    this.offer(Number(supply));
  }

  offer(supply) {
    this.supply = supply;
    this.journal.write('offered', { auction: AUCTION, supply_mb: supply });
  }

  get unsold() {
    return this.supply - this.sold;
  }

  // Steps 1 and 2: come, advertise, begin

  isReady() {
    this.advertise();
  }

  opened() {
    if (this.isOpen) return;
    this.isOpen = true;
    if (this.round === 0 && !this.clearing) this.beginQuiet();
  }

  advertise() {
    const { supply, reserve, state, round, digest } = this;
    const left = state === 'closed' ? 0 : Math.max(0, this.unsold - this.allocated);
    const shown = JSON.stringify([supply, left, reserve, state]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.adverts += 1;
    this.host.post({ tag: 'advert', auction: AUCTION, seq: this.adverts, supply, left, reserve, state, round, digest });
  }

  reconnected() {
    this.shown = null; // the broker may have lost the post
    this.advertise();
  }

  told(bidder, message) {
    if (!this.waits) this.opened();
    if (this.state === 'closed') this.linger();
    if (message.auction !== AUCTION) return;
    const handlers = {
      bid: this.onBid,
      withdraw: this.onBid,
      hold: this.onHold,
      accept: this.onAccept,
      decline: this.onDecline,
    };
    handlers[message.tag]?.call(this, bidder, message);
  }

  advertised() {}

  // Step 3: take bids

  onBid(bidder, message) {
    if (message.round > this.round) throw new Error('round to come');
    if (this.state === 'closed') return this.host.send(bidder, { tag: 'closed', auction: AUCTION });
    if (message.seq <= (this.newest.get(bidder) ?? 0)) return this.answerAgain(bidder, message);
    this.newest.set(bidder, message.seq);
    if (this.awards.has(bidder) || message.tag === 'withdraw') this.drop(bidder);
    if (message.tag === 'bid') {
      this.bids.set(bidder, { quantity: message.quantity, price: message.price, seq: message.seq, told: 0 });
      this.noteChange();
    } else {
      this.host.send(bidder, { tag: 'withdrawn', auction: AUCTION, seq: message.seq });
      if (this.bids.delete(bidder)) this.noteChange();
    }
    return this.closeIfAnswered();
  }

  answerAgain(bidder, message) {
    if (message.seq !== this.newest.get(bidder)) return;
    const bid = this.bids.get(bidder);
    if (message.tag === 'withdraw') this.host.send(bidder, { tag: 'withdrawn', auction: AUCTION, seq: message.seq });
    else if (bid?.told) this.sendProfile(bidder, bid);
  }

  noteChange() {
    if (this.state === 'awarding') this.isShifted = true;
    else if (!this.clearing) {
      this.clearing = setTimeout(() => this.clear(), CLEARING_MS);
      this.endQuiet();
    }
  }

  strikeOut(bidders) {
    for (const bidder of bidders) {
      this.bids.delete(bidder);
      this.drop(bidder);
      this.host.tell('voided', bidder, this.round);
    }
    if (bidders.length === 0 || this.state === 'closed') return;
    this.noteChange();
    this.closeIfAnswered();
  }

  hostGone(host) {
    this.strikeOut([...this.bids.keys()].filter((bidder) => bidder.split('/')[0] === host));
  }

  // Step 4: clear, and tell the bidders

  clear() {
    this.clearing = null;
    this.round += 1;
    const { rows, outcome } = this.cleared(this.bids);
    const bids = rows.map(([, bid]) => bid);
    this.book = {
      auction: AUCTION,
      supply: this.unsold,
      reserve: this.reserve,
      quantities: bids.map((bid) => bid.quantity),
      prices: bids.map((bid) => bid.price),
    };
    const digest = digestOf(this.book);
    const isNew = !isSame(digest, this.digest);
    this.digest = digest;
    this.allocated = total(outcome.map((one) => one.allocation));
    this.tellClearing(rows, outcome);
    for (const [row, [bidder, bid]] of rows.entries()) {
      Object.assign(bid, { row, ...outcome[row] });
      if (isNew || !bid.told) {
        Object.assign(bid, { told: this.round, isSeen: false, isUndecided: false, repeated: 0 });
        this.sendProfile(bidder, bid);
      }
    }
    this.advertise();
    this.beginQuiet();
  }

  cleared(book) {
    const rows = [...book].sort(([, a], [, b]) => b.price - a.price || b.quantity - a.quantity);
    return { rows, outcome: clear(rows.map(([, bid]) => bid), this.unsold, this.reserve) };
  }

  sendProfile(bidder, bid) {
    const { told: round, seq, row, allocation, charge } = bid;
    const own = { round, your_seq: seq, your_row: row, allocation, charge };
    this.host.send(bidder, { tag: 'profile', ...this.book, ...own, digest: this.digest });
  }

  tellClearing(rows, outcome) {
    rows.forEach(([bidder, bid], row) => {
      const { allocation, charge } = outcome[row];
      if (bid.allocation !== allocation || bid.charge !== charge) {
        this.host.tell('allocated', bidder, this.round, allocation, charge);
      }
    });
  }

  // Step 5: wait until all is quiet, and everybody has confirmed

  beginQuiet() {
    this.quietSince = Date.now();
    this.quietUntil = this.quietSince + this.quietMs;
    this.refreshes = 0;
    this.quiet = setTimeout(() => this.refresh(), this.quietMs);
  }

  endQuiet() {
    clearTimeout(this.quiet);
  }

  get unsettled() {
    return [...this.bids].filter(([, bid]) => !bid.isSeen || (bid.isUndecided && this.isPatient));
  }

  /** Whether it still waits for those who are undecided. */
  get isPatient() {
    return Date.now() < this.quietSince + LONGEST_WAIT * this.quietMs;
  }

  refresh() {
    const silent = [...this.bids].filter(([, bid]) => !bid.isSeen && bid.repeated >= PATIENCE);
    if (silent.length) return this.strikeOut(silent.map(([bidder]) => bidder));
    for (const [bidder, bid] of this.unsettled) {
      if (!bid.repeated) bid.repeatedAt = Date.now();
      bid.repeated += 1;
      this.sendProfile(bidder, bid);
    }
    const pause = Math.max(RETRY_MS, this.quietMs / 4) * Math.min(8, 2 ** Math.max(0, this.refreshes - 2));
    this.refreshes += 1;
    this.quiet = setTimeout(() => this.refresh(), pause);
    return this.awardIfSettled();
  }

  onHold(bidder, hold) {
    const bid = this.bids.get(bidder);
    if (!bid || hold.seq !== bid.seq || hold.round !== bid.told) return;
    bid.isSeen = true;
    bid.isUndecided = hold.undecided;
    if (bid.repeated) {
      // Others' words may come as late as this answer to a repeated profile.
      const waited = Math.min(Date.now() - bid.repeatedAt, this.quietMs);
      this.quietUntil = Math.max(this.quietUntil, Date.now() + waited);
      bid.repeated = 0;
    }
    this.awardIfSettled();
  }

  awardIfSettled() {
    if (this.state !== 'open' || this.clearing || !this.isOpen || this.unsettled.length) return;
    const left = this.quietUntil - Date.now();
    if (left <= 0) return this.award();
    this.endQuiet();
    this.quiet = setTimeout(() => this.refresh(), left);
  }

  // Step 6: award

  award() {
    this.endQuiet();
    this.state = 'awarding';
    this.isShifted = false;
    this.awarded = new Map(this.bids);
    this.host.tell('awarding', this.round);
    this.advertise(); // names the round and the digest of the book, before the awards do
    for (const [bidder, { seq, allocation, charge }] of this.bids) {
      if (allocation <= ROUNDING * this.supply) continue;
      const terms = { round: this.round, your_seq: seq, quantity: allocation, charge };
      const award = { tag: 'award', auction: AUCTION, ...terms };
      const repeater = new Repeater();
      this.awards.set(bidder, { award, repeater });
      repeater.start(() => this.host.send(bidder, award), () => this.strikeOut([bidder]));
    }
    this.closeIfAnswered();
  }

  /** Take an award back, and with it what the bid does to the charges of others; what was accepted stays. */
  drop(bidder) {
    this.awards.get(bidder)?.repeater.stop();
    this.awards.delete(bidder);
    if (!this.accepted.has(bidder)) this.awarded.delete(bidder);
  }

  answers(bidder, { round, seq }) {
    const award = this.awards.get(bidder)?.award;
    return award?.round === round && award.your_seq === seq ? award : null;
  }

  onAccept(bidder, accept) {
    const award = this.answers(bidder, accept);
    if (!award) return this.answerAcceptAgain(bidder, accept);
    this.bids.delete(bidder);
    this.accepted.set(bidder, award);
    this.drop(bidder);
    return this.closeIfAnswered();
  }

  /** Give receipts when all have answered: nobody pays for bids that did not stand. */
  settle() {
    const { rows, outcome } = this.cleared(this.awarded);
    for (const [row, [bidder]] of rows.entries()) {
      if (this.accepted.has(bidder)) this.sell(bidder, this.accepted.get(bidder), outcome[row]);
    }
    this.sold += total([...this.accepted.values()].map((award) => award.quantity));
    this.accepted.clear();
  }

  sell(bidder, { round, your_seq: seq, quantity, charge: most }, due) {
    const charge = due.allocation > 0 ? Math.min(most, (due.charge * quantity) / due.allocation) : most;
    const receipt = { tag: 'settled', auction: AUCTION, round, quantity, charge };
    this.receipts.set(`${bidder} ${round}`, receipt);
    const sale = { buyer: bidder, auction: AUCTION, round, seq, quantity_mb: quantity, charge_money: charge };
    this.journal.write('sold', sale); // before it is said
    this.host.tell('settled', bidder, round, quantity, charge);
    this.host.send(bidder, receipt);
  }

  answerAcceptAgain(bidder, { round }) {
    if (round > this.round) throw new Error('round to come');
    if (this.accepted.get(bidder)?.round === round) return; // the receipt comes when all have answered
    const receipt = this.receipts.get(`${bidder} ${round}`);
    this.host.send(bidder, receipt ?? { tag: 'void', auction: AUCTION, round });
  }

  onDecline(bidder, decline) {
    const award = this.answers(bidder, decline);
    if (!award) return;
    this.drop(bidder);
    this.bids.delete(bidder);
    this.host.tell('declined', bidder, award.round, award.quantity);
    this.noteChange();
    this.closeIfAnswered();
  }

  // Step 8: close, or open again

  closeIfAnswered() {
    if (this.state !== 'awarding' || this.awards.size) return;
    this.settle();
    if (this.isShifted && !this.isLeaving && this.unsold > ROUNDING * this.supply) {
      this.state = 'open';
      this.host.tell('reopened', this.round, this.unsold);
      this.noteChange();
    } else this.close();
  }

  close() {
    this.state = 'closed';
    if (this.isLeaving) this.offer(this.sold);
    for (const bidder of this.bids.keys()) this.host.send(bidder, { tag: 'closed', auction: AUCTION });
    this.bids.clear();
    this.journal.write('closed', { auction: AUCTION, round: this.round });
    this.advertise();
    const revenue = total([...this.receipts.values()].map((receipt) => receipt.charge));
    this.host.tell('closed', this.round, this.sold, revenue);
    this.linger();
  }

  /** Stay for some seconds more: a buyer whose receipt was lost asks again. */
  linger() {
    clearTimeout(this.lingering);
    if (!this.waits) this.lingering = setTimeout(() => this.host.leave(), LINGER_MS);
  }

  /** Its user leaves: what is unsold is taken off the market, and promises are kept first. */
  goHome() {
    this.isLeaving = true;
    if (this.state === 'awarding' || this.state === 'closed') return;
    clearTimeout(this.clearing);
    this.endQuiet();
    this.close();
  }

  sentHome() {
    clearTimeout(this.clearing);
    this.endQuiet();
    for (const bidder of [...this.awards.keys()]) this.drop(bidder);
    this.host.leave();
  }
}

const total = (numbers) => numbers.reduce((all, next) => all + next, 0);

await run(Seller, { supply: { type: 'string' }, reserve: { type: 'string' }, quiet: { type: 'string', default: '10' } });
