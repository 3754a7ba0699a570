"""Hostile sellers, each with two honest buyers, who also know an honest seller, in one market."""

from typing import Any, ClassVar

import msgspec
import pytest

from node.protocol.psp.messages import Accept, Award, Bid, Profile, Settled, Void
from tests.mqtt.hostile.attackers import PATIENCE_S, HostileSeller, Row, raw
from tests.mqtt.hostile.market import CALM, Evidence, attacked, once

pytestmark = pytest.mark.mosquitto

DEMAND, VALUE = 40.0, 5.0
"""Of each honest buyer: MB, and what each is worth to it."""

CHEAP, DEAR = 0.1, 0.5
"""Reserve of hostile sellers, and of honest ones: what a MB costs there, since there is enough for both buyers."""

OPEN_S = 7.0
"""Honest sellers stay open for so long, so that who was deceived finds one open."""

AT_HONEST, AT_HOSTILE = ["honest", "honest"], ["hostile", "hostile"]


class Exposed(HostileSeller):
    """Both buyers notice.

    Attributes
    ----------
    lies
        What it is exposed for.
    buys
        Where the first buyer and the second end up; nowhere, if empty.
    """

    lies: ClassVar[list[str]]
    buys: ClassVar[list[str]] = AT_HONEST

    @classmethod
    def price_at(cls, where: str) -> float:
        """What a MB costs its buyers, at the honest seller or at this one."""
        return DEAR if where == "honest" else CHEAP

    def number(self, buyer: str) -> int:
        """1 for the first buyer, 2 for the second."""
        return int(buyer[-1])


class TwoBooks(Exposed):
    """Tells the second buyer of a bid that it makes up; the board names the book without that."""

    name, lies, buys = "two-books", ["two books"], ["hostile", "honest"]

    def profile(self, buyer: str, rows: list[Row]) -> Profile:
        shill = [("nobody", 60.0, 4.9)] if self.number(buyer) == 2 else []
        return super().profile(buyer, [*rows, *shill])


class FiftyFold(Exposed):
    name, lies = "charges-50-fold", ["another award"]

    def award_to(self, buyer: str, award: Award) -> None:
        self.send(buyer, msgspec.structs.replace(award, charge=50 * award.charge))


class Beyond(Exposed):
    """Charges more than was bid, which is rejected before the buyer looks into the book."""

    name, lies = "charges-beyond-bids", ["passed over"]

    def award_to(self, buyer: str, award: Award) -> None:
        self.send(buyer, msgspec.structs.replace(award, charge=100 * award.charge))
        self.later(0.5, self.close)


class Half(Exposed):
    name, lies = "gives-half", ["another award"]

    def award_to(self, buyer: str, award: Award) -> None:
        self.send(buyer, msgspec.structs.replace(award, quantity=award.quantity / 2, charge=award.charge / 2))


class PassesOver(Exposed):
    name, lies, buys = "passes-over", ["passed over"], ["hostile", "honest"]

    def award_to(self, buyer: str, award: Award) -> None:
        if self.number(buyer) == 1:
            self.send(buyer, award)
        else:
            self.later(0.5, lambda: self.on_bid_lost(buyer))

    def on_bid_lost(self, buyer: str) -> None:
        self.open_awards.pop(buyer, None)
        self.close_if_answered()


class BoardOfAnotherBook(Exposed):
    """The board names a book that nobody was told."""

    name, lies = "board-of-another-book", ["two books"]

    def award(self, rows: list[Row]) -> None:
        self.digest = bytes(15) + b"\1"
        super().award(rows)


class Withholds(Exposed):
    """Gives no receipt: its buyers are bound for twice the patience, and meanwhile the honest seller closes."""

    name, lies, buys = "withholds-receipts", ["no receipt"], []

    def on_accept(self, buyer: str, accept: Accept) -> None:
        del buyer, accept
        self.later(3.0 * PATIENCE_S, self.close)


class StaysOpen(Exposed):
    name, lies, buys = "stays-open", ["no end"], []

    def award(self, rows: list[Row]) -> None:
        del rows
        self.later(4.0 * PATIENCE_S, self.close)


EXPOSED: list[type[Exposed]] = [
    *(TwoBooks, FiftyFold, Beyond, Half, PassesOver, BoardOfAnotherBook, Withholds, StaysOpen)
]


class Rejected(Exposed):
    reason: ClassVar[str]
    lies: ClassVar[list[str]] = []


class FalseDigest(Rejected):
    """No profile counts: its buyers give it up after ten repetitions of their bids."""

    name, reason = "false-digest", "profile does not fit its digest"

    def profile(self, buyer: str, rows: list[Row]) -> Profile:
        return msgspec.structs.replace(super().profile(buyer, rows), digest=bytes(16))

    def award(self, rows: list[Row]) -> None:
        """It has nobody to award to, and closes when its buyers have left."""
        del rows
        self.later(OPEN_S, self.close)


class NotANumber(Rejected):
    name, reason, buys = "odd-adverts", "malformed post", AT_HOSTILE

    def on_open(self) -> None:
        odd: list[Any] = [float("nan"), float("inf"), -1.0, 1e13, "1", None]
        for number in odd:
            self.post(raw("advert", 0, 90, number, 1.0, 0.0, "open", 0, bytes(16)))
            self.post(raw("advert", 0, 90, 100.0, 1.0, number, "open", 0, bytes(16)))
        self.post(raw("advert", 0, 90, 100.0, 1.0, 0.0, "free", 0, bytes(16)))
        self.post(raw("advert", 0, 90, 100.0, 1.0, 0.0, "open", 0, bytes(15)))
        self.advertise()


class NoAuction(Rejected):
    """Awards before anybody has bid."""

    name, reason, buys = "awards-no-bid", "award for no bid", AT_HOSTILE

    def on_open(self) -> None:
        for k in (1, 2):
            buyer = f"b-{self.name}-{k}"
            self.send(self.honest(buyer), Award(0, 0, 2**40, DEMAND, 0.0), Award(0, 2**50, 2**40, DEMAND, 0.0))


class OtherReceipt(Rejected):
    """Gives a receipt for more than was accepted first, then the right one."""

    name, reason, buys = "other-receipt", "receipt for no award", AT_HOSTILE

    def settle(self, buyer: str, receipt: Settled) -> None:
        self.send(buyer, msgspec.structs.replace(receipt, charge=50 * receipt.charge))
        self.send(buyer, msgspec.structs.replace(receipt, quantity=2 * receipt.quantity))
        self.send(buyer, msgspec.structs.replace(receipt, round=receipt.round + 1))
        super().settle(buyer, receipt)


REJECTED: list[type[Rejected]] = [FalseDigest, NotANumber, NoAuction, OtherReceipt]


class InVain(Exposed):
    """Harms nobody, or only delays its buyers, and cannot be told from an honest seller."""

    lies: ClassVar[list[str]] = []


class Backwards(InVain):
    """Its later adverts have smaller numbers."""

    name, buys = "numbers-go-back", AT_HOSTILE

    def begin(self) -> None:
        self.seq = 10
        self.advertise()

    def on_open(self) -> None:
        for seq in (9, 1, 0):
            self.post(raw("advert", 0, seq, 1e12, 1e12, 0.0, "closed", 0, bytes(16)))
        self.seq = 10
        self.advertise()


class Voids(InVain):
    """Takes its word back when it is accepted."""

    name = "voids"

    def on_accept(self, buyer: str, accept: Accept) -> None:
        self.send(buyer, Void(0, accept.round))
        self.strike_out(buyer)


class ClosesAtOnce(InVain):
    name = "closes-at-once"

    def on_open(self) -> None:
        self.close()


class AwardsClosed(InVain):
    """Says that it is closed, and awards what was bid until then."""

    name = "awards-when-closed"

    def award(self, rows: list[Row]) -> None:
        del rows
        bids = dict(self.bids)
        self.close()
        for buyer, bid in bids.items():
            self.send(buyer, Award(0, self.round, bid.seq, DEMAND, CHEAP * DEMAND))


IN_VAIN: list[type[InVain]] = [Backwards, Voids, ClosesAtOnce, AwardsClosed]


class Oversold(Exposed):
    """Nobody notices before the journals of its buyers are laid together.

    Attributes
    ----------
    supply
        What it advertises, MB: too little for both buyers.
    """

    supply = 50.0
    lies: ClassVar[list[str]] = []
    buys: ClassVar[list[str]] = AT_HOSTILE


class SellsTwice(Oversold):
    """Clears the second buyer's bid when the first has bought, as if nothing were sold."""

    name = "sells-twice"
    awards_s = 0.6

    def on_bid(self, buyer: str, bid: Bid) -> None:
        if self.number(buyer) == 1 or self.sold:
            super().on_bid(buyer, bid)

    @property
    def on_sale(self) -> float:
        return self.supply

    def close_if_answered(self) -> None:
        if self.sold > self.supply:
            self.close()
        elif self.state == "awarding" and not self.open_awards:
            self.state = "open"
            self.advertise()


class SellsMore(Oversold):
    """Its book is of more than it advertises."""

    name = "book-of-more"

    @property
    def on_sale(self) -> float:
        return 100.0 - self.sold


OVERSOLD: list[type[Oversold]] = [SellsTwice, SellsMore]


class Shill(InVain):
    """Bids in its own auction just below its buyers, in one book for all, which is what rivals may do."""

    name, buys = "shill", AT_HOSTILE

    @classmethod
    def price_at(cls, where: str) -> float:
        return DEAR if where == "honest" else 4.9

    def rows(self) -> list[Row]:
        return [*super().rows(), ("nobody", 60.0, 4.9)]


ATTACKS: list[type[Exposed]] = [*EXPOSED, *REJECTED, *IN_VAIN, *OVERSOLD, Shill]


def group(name: str, hostile: str = "", supply: float = 100.0) -> str:
    pool = ([hostile] if hostile else []) + [f"s-{name}"]
    lines = [f'[[sellers]]\nname = "s-{name}"\nsupply_mb = {supply}\nreserve_price_per_mb = {DEAR}']
    if hostile:
        lines += [f'[[sellers]]\nname = "{hostile}"\ndevice = "{hostile}"\nsupply_mb = 100']
    lines += [f'[[buyers]]\nname = "b-{name}"\ncount = 2\nsellers = {pool}']
    valuation = f'valuation = {{ kind = "flat", demand_mb = {DEMAND}, value_per_mb = {VALUE} }}'
    return "\n\n".join([*lines, f'{valuation}\nstrategy = {{ kind = "opt-out" }}', ""])


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    groups = [group(name) for name in CALM] + [group(attack.name, attack.name, attack.supply) for attack in ATTACKS]
    return once(tmp_path_factory, "by-sellers", lambda folder: attacked(folder, ATTACKS, groups, OPEN_S))


def test_the_run_settles_and_journals_show_only_who_sold_more_than_it_had(evidence: Evidence) -> None:
    assert (evidence.code, evidence.summary["status"]) == (0, "settled"), evidence.stderr
    assert "Traceback" not in evidence.stderr
    assert evidence.ledger_code == 1
    found = {(breach["rule"], breach["node"]) for breach in evidence.breaches}
    assert found == {("oversold", f"{attack.name}/{attack.name}") for attack in OVERSOLD}
    assert evidence.summary["struck_out"] == {}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_each_honest_buyer_gets_what_it_wants_from_one_that_keeps_its_word(
    evidence: Evidence, attack: type[Exposed]
) -> None:
    for k in (1, 2):
        assert attack.buys or evidence.bought(f"b-{attack.name}-{k}", attack.name) == (0.0, 0.0)
    for k, where in enumerate(attack.buys, 1):
        buyer = f"b-{attack.name}-{k}"
        seller = {"honest": f"s-{attack.name}", "hostile": attack.name}
        other = seller["hostile" if where == "honest" else "honest"]
        assert evidence.bought(buyer, seller[where]) == pytest.approx((DEMAND, attack.price_at(where) * DEMAND))
        assert evidence.bought(buyer, other) == (0.0, 0.0)
    assert evidence.closed_s(f"s-{attack.name}") <= evidence.latest_s()


@pytest.mark.parametrize("attack", EXPOSED, ids=lambda attack: attack.name)
def test_who_lies_about_its_book_is_exposed_by_those_who_were_lied_to(
    evidence: Evidence, attack: type[Exposed]
) -> None:
    buys = attack.buys or AT_HONEST
    deceived = [f"b-{attack.name}-{k}" for k, where in enumerate(buys, 1) if where == "honest"]
    assert evidence.summary["exposed_sellers"][attack.name] == attack.lies
    assert evidence.summary["exposed_by"][attack.name] == deceived


@pytest.mark.parametrize("attack", REJECTED, ids=lambda attack: attack.name)
def test_who_says_what_no_correct_seller_says_is_named(evidence: Evidence, attack: type[Rejected]) -> None:
    assert evidence.summary["rejected_from"][attack.name] > 0
    assert evidence.counters[f"rejected: {attack.reason}"] > 0


def test_only_attackers_are_named(evidence: Evidence) -> None:
    assert evidence.summary["exposed_sellers"].keys() == {attack.name for attack in EXPOSED}
    assert evidence.summary["rejected_from"].keys() == {attack.name for attack in [*REJECTED, Beyond]}
