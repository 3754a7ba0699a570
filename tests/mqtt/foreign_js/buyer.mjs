// A buyer of one seller, as docs/protocol.md, section 8 describes it.
//
//   node buyer.mjs --broker mqtt://127.0.0.1 --host bob --market lab --seller shop/shop --quantity 50 --price 2

import { clear, isSameOutcome } from './clearing.mjs';
import { run } from './command.mjs';
import { Repeater } from './repeater.mjs';
import { digestOf, isSame } from './wire.mjs';

const NUMBERS_PER_LIFE = 2 ** 32;
const GRACE_MS = 2000;
const ROUNDING = 1e-9;

/** Wants so many MB, each worth `price` to it. So it bids for all it lacks at that price, which is a best reply. */
class Buyer {
  constructor(host, journal, { seller, quantity, price, wait }) {
    this.host = host;
    this.journal = journal;
    this.watches = [seller];
    this.seller = seller;
    this.demand = this.wanted = Number(quantity); // what it wanted at first, and what it lacks
    this.price = Number(price);
    this.isOpen = false;
    this.waits = wait;
    this.repeater = new Repeater();
    this.seq = 0;
    this.auction = 0;
    this.bid = null; // the standing bid
    this.profile = null; // the newest profile that reflects it
    this.early = null; // an award whose round the board does not name yet
    this.bound = null; // the award that was accepted and has no receipt
    this.receipts = new Map();
    journal.write('started');
    journal.write('wanted', { demand_mb: this.demand, budget_money: null });
  }

  // Steps 2 and 3: the market, and the seller's advert

  isReady() {
    if (!this.waits) this.opened();
  }

  opened() {
    this.isOpen = true;
    this.bidIfWanted();
  }

  advertised(address, advert) {
    if (advert.tag !== 'advert' || (this.advert && advert.seq <= this.advert.seq)) return;
    const isAnotherLife = this.advert && lifeOf(advert.seq) !== lifeOf(this.advert.seq);
    this.advert = advert;
    this.auction = advert.auction;
    if (isAnotherLife || advert.state === 'closed') this.strikeOut(); // the seller knows of no bid any more
    if (this.bound && this.isLost) this.accept(); // it may not stay
    this.isLost = false;
    if (this.isDeceived()) return this.expose();
    if (this.early && advert.round >= this.early.round) this.onAward(this.early);
    this.leaveIfOver();
    return this.bidIfWanted();
  }

  // Step 4: bid, step 5: repeat it

  bidIfWanted() {
    const mayBid = this.isOpen && this.advert?.state === 'open' && !this.isLost && !this.isExposed;
    if (!mayBid || this.bid || this.bound || this.wanted <= ROUNDING * this.demand) return;
    this.place();
  }

  place() {
    this.seq += 1;
    const round = this.profile?.round ?? 0;
    this.bid = { tag: 'bid', auction: this.auction, round, quantity: this.wanted, price: this.price, seq: this.seq };
    this.profile = null;
    this.host.tell('bid', this.seller, round, this.seq, this.wanted, this.price);
    this.repeater.start(() => this.say(this.bid), () => this.lose());
  }

  say(message) {
    this.host.send(this.seller, message);
  }

  strikeOut() {
    this.bid = this.profile = this.early = null;
    if (!this.bound) this.repeater.stop();
  }

  /** The seller is gone until it advertises again; what was accepted is in doubt. */
  lose() {
    if (this.bound && !this.isLost) this.tellSale('in-doubt', this.bound);
    this.isLost = true;
    this.strikeOut();
    this.repeater.stop();
  }

  hostGone(host) {
    if (host === this.seller.split('/')[0]) this.lose();
  }

  reconnected() {
    if (this.bid) this.place();
  }

  told(address, message) {
    if (address !== this.seller || message.auction !== this.auction) return;
    const handlers = {
      profile: this.onProfile,
      award: this.onAward,
      settled: this.onSettled,
      void: this.onVoid,
      closed: this.onClosed,
      withdrawn: this.onWithdrawn,
    };
    handlers[message.tag]?.call(this, message);
  }

  // Step 6: profiles

  onProfile(profile) {
    if (!this.bid || profile.your_seq !== this.seq) return;
    if (this.profile && profile.round < this.profile.round) return;
    if (!this.reflectsTheBid(profile)) throw new Error('impossible profile');
    this.repeater.stop(); // it has the bid
    this.profile = profile;
    if (this.isDeceived()) this.expose();
    else this.say({ tag: 'hold', auction: this.auction, round: profile.round, seq: this.seq, undecided: false });
  }

  reflectsTheBid({ your_row: row, quantities, prices, allocation, digest, ...rest }) {
    const isMine = quantities[row] === this.bid.quantity && prices[row] === this.bid.price;
    const isWhole = quantities.length === prices.length && isSame(digestOf({ quantities, prices, ...rest }), digest);
    return isMine && isWhole && allocation <= this.bid.quantity;
  }

  /** Whether the board names another book of the round than the one in the profile. */
  isDeceived() {
    return this.profile?.round === this.advert.round && !isSame(this.profile.digest, this.advert.digest);
  }

  expose() {
    this.host.tell('exposed', this.seller, this.advert.round);
    this.isExposed = true;
    if (this.bid) this.withdraw(() => {});
  }

  // Step 7: awards

  onAward(award) {
    if (this.receipts.has(award.round) || this.bound?.round === award.round) {
      this.say({ tag: 'accept', auction: this.auction, round: award.round, seq: award.your_seq });
      return;
    }
    this.early = null;
    if (!this.bid || award.your_seq !== this.seq) return this.decline(award);
    if (award.round > this.advert.round) {
      this.early = award; // the board must name that round first
      return;
    }
    if (award.round < this.advert.round) return;
    if (!this.profile || !isSame(this.profile.digest, this.advert.digest)) return this.expose();
    return this.followsFromTheBook(award) ? this.bind(award) : this.decline(award);
  }

  /** Whether the award is what the confirmed book gives to this bid, and charges for it. */
  followsFromTheBook(award) {
    const { quantities, prices, supply, reserve, your_row: row } = this.profile;
    const bids = quantities.map((quantity, k) => ({ quantity, price: prices[k] }));
    const mine = clear(bids, supply, reserve)[row];
    const isFair = isSameOutcome(this.bid, { allocation: award.quantity, charge: award.charge }, mine);
    return isFair && award.quantity <= this.bid.quantity && award.charge <= this.price * award.quantity * (1 + ROUNDING);
  }

  bind(award) {
    this.wanted -= award.quantity;
    this.bound = award;
    this.strikeOut();
    // Before it is said; the supply is all that the seller had advertised.
    this.journal.write('accepted', { ...this.sale(award), supply_mb: this.advert.supply });
    this.accept();
  }

  accept() {
    const { auction, round, your_seq: seq } = this.bound;
    this.repeater.start(() => this.say({ tag: 'accept', auction, round, seq }), () => this.lose());
  }

  decline(award) {
    if (award.your_seq === this.seq) this.strikeOut();
    this.say({ tag: 'decline', auction: this.auction, round: award.round, seq: award.your_seq });
  }

  sale({ auction, round, your_seq: seq, quantity, charge }) {
    return { seller: this.seller, auction, round, seq, quantity_mb: quantity, charge_money: charge };
  }

  tellSale(kind, { round, quantity, charge }) {
    this.host.tell(kind, this.seller, round, quantity, charge);
  }

  // Step 8: receipts

  onSettled(receipt) {
    const award = this.bound;
    if (award?.round !== receipt.round) return;
    if (award.quantity !== receipt.quantity || award.charge < receipt.charge) throw new Error('receipt for no award');
    this.receipts.set(receipt.round, receipt);
    this.journal.write('bought', this.sale({ ...award, charge: receipt.charge }));
    this.tellSale('bought', receipt);
    this.release();
  }

  onVoid(message) {
    if (this.bound?.round !== message.round) return;
    this.wanted += this.bound.quantity;
    this.journal.write('freed', this.sale(this.bound));
    this.release();
  }

  release() {
    this.bound = null;
    this.repeater.stop();
    this.leaveIfOver();
    this.bidIfWanted();
  }

  // Step 9: leave

  onClosed() {
    this.isOver = true;
    this.strikeOut();
    this.leaveIfOver();
  }

  leaveIfOver() {
    if ((this.isOver || this.advert?.state === 'closed') && !this.bound) this.host.leave();
  }

  sentHome() {
    setTimeout(() => this.host.leave(), this.bound ? GRACE_MS : 0);
  }

  /** Its user leaves: what is no purchase yet is taken back. */
  goHome() {
    this.isOpen = false;
    if (this.bid) this.withdraw(() => this.host.leave());
    else this.sentHome();
  }

  /** Take the bid back, and then do what follows. */
  withdraw(then) {
    this.strikeOut();
    this.seq += 1;
    this.afterWithdrawal = then;
    const message = { tag: 'withdraw', auction: this.auction, round: 0, seq: this.seq };
    this.host.tell('withdraw', this.seller, 0, this.seq);
    this.repeater.start(() => this.say(message), then);
  }

  onWithdrawn(message) {
    if (!this.afterWithdrawal || message.seq !== this.seq) return;
    this.repeater.stop();
    this.afterWithdrawal();
  }
}

/** In which life of its node a number was given out. */
const lifeOf = (seq) => Math.floor(seq / NUMBERS_PER_LIFE);

await run(Buyer, { seller: { type: 'string' }, quantity: { type: 'string' }, price: { type: 'string' } });
