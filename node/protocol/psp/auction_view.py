"""One auction as one of its bidders knows it."""

import math
from dataclasses import dataclass, field

from node.mechanism.psp import PSP, AuctionMechanism
from node.mechanism.psp.residual import SLIVER
from node.mechanism.rounding import FOREIGN_ROUNDING, ROUNDING
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.numbers import life_of
from node.protocol.psp.digest import digest, packed
from node.protocol.psp.messages import Accept, Advert, Award, Bid, Hold, Profile, Settled, Withdraw, Withdrawn
from node.protocol.psp.seen import Seen, remembered
from node.protocol.psp.trace import Lie
from node.protocol.retry import PATIENCE, backoff
from node.strategy.psp.offer import NOTHING, Offer, Target


@dataclass(slots=True)
class Auction:
    """What a buyer knows of one seller's auction, and what it has said there.

    Attributes
    ----------
    mechanism
        How it charges, by what the market's users agreed on beforehand.
    standing
        The buyer's bid; nothing where it has none.
    bound
        The award it has accepted and has no receipt for.
    pending
        What the buyer has said and no profile reflects yet.
    participants
        Bidders in the last profile, this one included; 0 where it has none.
    owes_hold
        It has told the seller that it is undecided, and not yet that its bid stands.
    in_doubt
        Observers were told that no receipt came for what it is bound by.
    is_exposed
        The seller does not do as it should: it is lost for good.
    is_gone
        The seller's host is offline.
    """

    seller: str
    mechanism: AuctionMechanism = PSP
    standing: Target = NOTHING
    bound: Award | None = None
    pending: Bid | Withdraw | None = None
    repeated: int = 0
    participants: int = 0
    owes_hold: bool = False
    in_doubt: bool = False
    is_exposed: bool = False
    is_gone: bool = False
    _advert: Advert | None = None
    _seen: Seen | None = None
    _seq: int = 0
    _early: Award | None = None
    _sent_at: float = 0.0
    _changed_at: float = 0.0
    _repeated_at: float = 0.0
    _receipts: dict[int, Settled] = field(default_factory=dict)
    _lapsed: set[int] = field(default_factory=set)
    _is_over: bool = False
    _is_lost: bool = False
    _offer: Offer | None = None
    _least_reserve: float = math.inf
    _is_declined: bool = False
    _awarded_on: Seen | None = None
    _offer_source: Seen | Advert | None = None

    @property
    def number(self) -> int:
        """Which of the seller's auctions this is."""
        return self._advert.auction if self._advert else 0

    @property
    def round(self) -> int:
        """The last clearing that the board or a profile has named."""
        return max(self._advert.round if self._advert else 0, self._seen.round if self._seen else 0)

    @property
    def supply(self) -> float:
        """MB on sale before anybody bid, as advertised last; 0 before the first advert."""
        return self._advert.supply if self._advert else 0.0

    @property
    def is_open(self) -> bool:
        """Whether it can be bid in: advertised, not over, and not already won."""
        if self._advert is None or self._is_over or self._is_lost or self.bound:
            return False
        return self._advert.state == "open" or self.standing.quantity > 0.0

    @property
    def is_over(self) -> bool:
        """Whether it is closed, and no receipt is due."""
        return self._is_over and self.bound is None

    @property
    def tentative(self) -> tuple[float, float]:
        """What the standing bid would get if the auction were awarded now: MB, and money in all."""
        return (self._seen.allocation, self._seen.charge) if self._seen and self.standing.quantity > 0.0 else (0.0, 0.0)

    @property
    def answer(self) -> Seen | None:
        """The last profile, if the standing bid is in its book."""
        return self._seen if self.standing.quantity > 0.0 and self.pending is None else None

    @property
    def unanswered(self) -> bool:
        """Whether an answer is due: to a bid, a withdrawal or an acceptance."""
        return not self._is_lost and (self.pending is not None or self.bound is not None)

    def offer(self) -> Offer:
        """What the strategy may know: the profile where the buyer has a bid, else the advert.

        The same object for as long as that says the same, so that nobody works out of it again what has not changed.
        """
        last = self._seen if self.standing.quantity > 0.0 else None
        source, standing = (last, self.standing) if last else (self._advert, NOTHING)
        kept = self._offer
        if kept is None or source is not self._offer_source or standing is not kept.standing:
            self._offer_source = source
            kept = self._offer = self._offer_of(last)
        return kept

    def _offer_of(self, last: Seen | None) -> Offer:
        if self._advert is None:
            return Offer(0.0, 0.0, mechanism=self.mechanism, seller=self.seller)
        asked = last.reserve if last else self._advert.reserve
        self._least_reserve = min(self._least_reserve, asked)
        if not last:
            left, supply = self._advert.left, self._advert.supply
            return Offer(left, asked, whole=supply, mechanism=self.mechanism, asked=asked, seller=self.seller)
        is_raised = asked > self._least_reserve and not self._is_declined and self._follows_losers(last)
        reserve = self._least_reserve if is_raised else asked
        supply, standing = last.supply, self.standing
        return Offer(supply, reserve, last.opponents, standing, supply, self.mechanism, asked, self.seller)

    def _follows_losers(self, last: Seen) -> bool:
        """Whether bids that are not below the reserve take all of the supply, as under ``highest-losing``."""
        quantities, prices = last.opponents()
        own = self.standing.quantity if self.standing.price >= last.reserve else 0.0
        taken = sum(quantity for quantity, price in zip(quantities, prices, strict=True) if price >= last.reserve)
        return own + taken >= (1.0 - SLIVER) * last.supply

    def start_from(self, number: int) -> None:
        """Number the bids above those of an earlier life."""
        self._seq = number

    # What the buyer says

    def place(self, target: Target, now: float) -> Bid | Withdraw:
        """Make ``target`` the standing bid; the message that says so."""
        self._seq += 1
        self._awarded_on = None
        self.owes_hold = False
        self.standing = target
        seen_round = self._seen.round if self._seen else 0
        if target.quantity > 0.0:
            self.pending = Bid(self.number, seen_round, target.quantity, target.price, self._seq)
        else:
            self.pending = Withdraw(self.number, seen_round, self._seq)
            self._forget()
        self._mark_said(now)
        return self.pending

    def _mark_said(self, now: float) -> None:
        self._sent_at = self._repeated_at = self._changed_at = now
        self.repeated = 0

    def patience_ends(self, patience_s: float, open_until: float) -> float:
        """When the buyer waits no longer: for a receipt, or for an auction to end whose book does not change."""
        if self.bound:
            return self._sent_at + patience_s
        if self.standing.quantity > 0.0:
            return max(self._changed_at, open_until) + patience_s
        return math.inf

    def stands(self, seq: int) -> bool:
        """Whether the bid of that number is the standing one."""
        return seq == self._seq and self.standing.quantity > 0.0

    def repetition(self, now: float, retry_s: float) -> Bid | Withdraw | Accept | None:
        """What is unanswered since ``retry_s`` seconds and not yet given up, to be said again."""
        if not self.unanswered or (self.repeated >= PATIENCE and self.bound is None):
            return None
        if now - self._repeated_at < backoff(retry_s, self.repeated) * (1.0 - ROUNDING):
            return None
        self._repeated_at = now
        if not (self._advert and self._advert.state == "awarding" and self.bound is None):
            # A bid that comes while winners are asked has its answer when they have given theirs.
            self.repeated = min(self.repeated + 1, PATIENCE)
        return self.acceptance(now) or self.pending

    def hold(self, *, undecided: bool) -> Hold:
        """What confirms the profile seen last."""
        self.owes_hold = undecided
        return Hold(self.number, self._seen.round if self._seen else 0, self._seq, undecided)

    # What the seller says

    def on_advert(self, advert: Advert) -> bool:
        """Take in an advert, unless a newer one is known; whether it is the first of a seller that was gone."""
        if self._advert and advert.seq <= self._advert.seq:
            raise IgnoredError("overtaken advert")
        is_back = self._is_lost and not self.is_exposed
        if is_back:
            self._is_lost = self.is_gone = False
            self.repeated = 0
        if self._advert and life_of(advert.seq) != life_of(self._advert.seq):
            self._strike_out()  # the seller was started anew and has forgotten all bids
        self._advert = advert
        if advert.state == "awarding":
            stands = self.standing.quantity > 0.0 and self.pending is None
            self._awarded_on = self._seen if stands and not self.is_awarded_falsely else None
        return is_back

    def acceptance(self, now: float) -> Accept | None:
        """What it is bound by and has no receipt for, said again now."""
        if self.bound is None:
            return None
        self._repeated_at = now
        return Accept(self.number, self.bound.round, self.bound.your_seq)

    def on_profile(self, profile: Profile, now: float) -> bool:
        """Take in a profile; whether it is news. A repeated one wants to be confirmed.

        Raises
        ------
        IgnoredError
            If it is overtaken, or no bid stands here.
        RejectedError
            If no correct seller sends such a profile.
        """
        book = self._checked(profile)
        if self.standing.quantity <= 0.0 or profile.your_seq < self._seq or self._is_over:
            raise IgnoredError("profile without bid")
        if self._seen and profile.round <= self._seen.round:
            if profile.round < self._seen.round:
                raise IgnoredError("overtaken profile")
            if self.pending is None:
                return False
        if self._seen is None or profile.digest != self._seen.digest:
            self._changed_at = now
        self._seen = remembered(profile, book)
        self.participants = len(profile.prices)
        self.pending = None
        return True

    def is_of_earlier_life(self, profile: Profile) -> bool:
        """Whether the seller keeps a bid of an earlier life, where none stands and no withdrawal is on its way."""
        is_said = self.pending is not None or self._is_over
        return not is_said and life_of(profile.your_seq) < life_of(self._seq)

    def taken_back(self, profile: Profile) -> Withdraw | None:
        """What takes back a bid that was given up with its seller, which turns out to be there and to have the bid."""
        if not self._is_lost or self.bound or self._is_over or profile.your_seq > self._seq:
            return None
        if profile.your_seq == self._seq:
            self._seq += 1
        return Withdraw(self.number, profile.round, self._seq)

    def _forget(self) -> None:
        self._seen, self.participants = None, 0

    def _strike_out(self) -> None:
        self.standing, self.pending, self._early, self._awarded_on = NOTHING, None, None, None
        self._forget()

    @property
    def is_deceived(self) -> bool:
        """Whether the board names another book of the round seen last than the one in the profile."""
        advert, last = self._advert, self._seen
        return bool(advert and last and advert.round == last.round and advert.digest != last.digest)

    def waited(self, now: float, profile: Profile) -> float | None:
        """Seconds since the bid was first sent that this profile is the first to reflect."""
        first = self.pending is not None and profile.your_seq == self._seq
        return now - self._sent_at if first else None

    def _checked(self, profile: Profile) -> bytes:
        """The packed book of a profile that a correct seller may send."""
        rows = len(profile.prices)
        if len(profile.quantities) != rows or profile.your_row >= rows or profile.your_seq > self._seq:
            raise RejectedError("impossible profile")
        book = packed(profile.auction, profile.supply, profile.reserve, profile.quantities, profile.prices)
        if profile.digest != digest(book):
            raise RejectedError("profile does not fit its digest")
        if self.stands(profile.your_seq):
            quantity, price = profile.quantities[profile.your_row], profile.prices[profile.your_row]
            is_own = (quantity, price) == (self.standing.quantity, self.standing.price)
            if not is_own or profile.allocation > quantity:
                raise RejectedError("profile does not reflect the bid")
        return book

    def on_withdrawn(self, message: Withdrawn) -> None:
        """The seller confirms the withdrawal."""
        if message.seq > self._seq:
            raise RejectedError("never withdrawn")
        if not isinstance(self.pending, Withdraw) or message.seq < self._seq:
            raise IgnoredError("repeated confirmation")
        self.pending = None

    def check_award(self, award: Award) -> None:
        """Raise RejectedError if the award can not follow from the bid."""
        if award.your_seq > self._seq:
            raise RejectedError("award for no bid")
        if self.stands(award.your_seq):
            dearest = self.standing.price * award.quantity
            if award.quantity > self.standing.quantity or award.charge > dearest * (1.0 + ROUNDING):
                raise RejectedError("award exceeds the bid")

    def is_vouched(self, award: Award) -> bool:
        """Whether the board names the award's round; if not, the award is kept until it does.

        Raises
        ------
        IgnoredError
            If the auction has gone on since.
        """
        named = self._advert.round if self._advert else 0
        if named > award.round:
            raise IgnoredError("overtaken award")
        self._early = award if named < award.round else None
        return self._early is None

    def early_award(self) -> Award | None:
        """The award that came before the advert that names its round, once that is here."""
        if self._early is None or self._advert is None or self._advert.round < self._early.round:
            return None
        award, self._early = self._early, None
        return award if award.round == self._advert.round else None

    @property
    def is_passed_over(self) -> bool:
        """Whether the auction was awarded on a book that gives its bid something, and no award has come."""
        if self._awarded_on is None:
            return False
        amount, _ = self._awarded_on.due(self.mechanism)
        return amount > FOREIGN_ROUNDING * self.supply  # a seller does not award what is rounding

    def lie_of(self, award: Award) -> Lie | None:
        """How this award of the standing bid, which the board vouches for, differs from the book seen, if it does."""
        if self._seen is None or self.is_awarded_falsely:
            return "two books"
        amount, charge = self._seen.due(self.mechanism)
        bid = self.standing
        is_due = abs(award.quantity - amount) <= ROUNDING * bid.quantity
        is_due &= abs(award.charge - charge) <= ROUNDING * bid.quantity * bid.price
        return None if is_due else "another award"

    @property
    def is_awarded_falsely(self) -> bool:
        """Whether an award of the round that the board names follows from another book than the one seen.

        A bid is not awarded before its bidder has confirmed the book, so none is still on its way.
        """
        return not (self._advert and self._seen and self._advert.digest == self._seen.digest)

    def has_accepted(self, award: Award) -> bool:
        """Whether this award was accepted before."""
        return award.round in self._receipts or (self.bound is not None and self.bound.round == award.round)

    def bind(self, award: Award, now: float) -> None:
        """Accept an award: the bid becomes a purchase."""
        self.bound, self.standing, self.pending, self._awarded_on = award, NOTHING, None, None
        self._mark_said(now)

    def decline(self, award: Award) -> None:
        """Decline an award; the seller strikes the bid out, if it still stands.

        Whoever had planned with a lower reserve than was charged goes by what the seller asks from then on.
        """
        if award.your_seq == self._seq:
            self._is_declined = True
            self._strike_out()

    def on_settled(self, receipt: Settled) -> Award:
        """Take in the receipt of the award the buyer is bound by, which charges no more; the result is that award."""
        if receipt.round in self._receipts:
            raise IgnoredError("repeated receipt")
        if receipt.round in self._lapsed:
            raise IgnoredError("receipt too late")
        award = self.bound
        most = award and Settled(award.auction, award.round, award.quantity, min(award.charge, receipt.charge))
        if award is None or receipt != most:
            raise RejectedError("receipt for no award")
        self._receipts[receipt.round] = receipt
        self._unbind()
        self._is_over = self._is_over or (self._advert is not None and self._advert.state == "closed")
        return award

    def free(self, round_: int) -> Award:
        """The accepted award of this round does not stand; the result is that award."""
        award = self.bound
        if award is None or award.round != round_:
            raise IgnoredError("no such award")
        self._unbind()
        return award

    def lapse(self, round_: int) -> Award:
        """No receipt has come in time for the accepted award of this round; the result is that award."""
        award = self.free(round_)
        self._lapsed.add(round_)
        return award

    def _unbind(self) -> None:
        self.bound = None
        self._forget()

    def on_closed(self) -> None:
        """The auction is over; an acceptance without receipt stays open until its answer comes."""
        self._is_over = True
        self._strike_out()

    def lose(self) -> None:
        """The seller is gone, until it advertises again; what was accepted stays in doubt."""
        self._is_lost = True
        self._strike_out()
