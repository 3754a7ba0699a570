"""Hostile buyers, each beside an honest buyer at an honest seller of 60 MB, in one market."""

import os
from typing import ClassVar

import pytest

from node.protocol.psp.messages import Accept, Advert, Award, Bid, Closed, Hold, Profile
from node.protocol.topics import host_of
from node.protocol.wire.presence import OFFLINE, ONLINE
from tests.mqtt.hostile.attackers import PATIENCE_S, HostileBuyer, raw
from tests.mqtt.hostile.market import ALONE, BESIDE, CALM, Evidence, attacked, group, once

pytestmark = pytest.mark.mosquitto

MADE_UP = 100
"""Nodes; the limits are tried elsewhere, since so many profiles of so many rows cost the whole machine much."""


class Struck(HostileBuyer):
    """Is struck out before anybody pays, so that nobody pays for its bid.

    Attributes
    ----------
    causes
        What it may be struck out for: by chance one account or another is used up first.
    """

    pays = most = ALONE
    causes: ClassVar[set[str]]


class Refused(Struck):
    """Has no bid in the book at times."""

    causes: ClassVar[set[str]] = {"restless", "silent"}

    def on_award(self, award: Award) -> None:
        """It answers no award."""


class Silent(Struck):
    name, causes = "silent", {"silent"}

    def on_profile(self, profile: Profile) -> None:
        """It never confirms."""


class Deaf(Struck):
    name, causes = "deaf-to-awards", {"silent"}

    def on_award(self, award: Award) -> None:
        """It answers no award."""


class Declining(Struck):
    name, causes = "declines", {"declined", "restless", "silent"}

    def on_award(self, award: Award) -> None:
        self.decline(award)
        self.bid()


class Dearest(Struck):
    name, causes = "outbids-all", {"declined", "restless", "silent"}
    quantity, price = 60.0, 1e9

    def on_award(self, award: Award) -> None:
        self.decline(award)
        self.bid()


class Swinging(Refused):
    """Outbids all, and falls back before the auction is quiet, for ever."""

    name = "swings"

    def on_open(self) -> None:
        self.bid(60.0, 1e9)
        self.later(0.35, lambda: self.bid(0.001, 0.5))
        self.later(0.7, self.on_open)


class Tiny(Struck):
    """Its seller has no reserve, so that it gets what is left."""

    name, causes, pays, most = "tiny", {"restless"}, 0.0, 0.0
    quantity, price = 0.001, 0.0

    def on_open(self) -> None:
        self.bid(0.001 * (1 + self.seq % 2))
        self.later(0.2, self.on_open)


class AtOnce(Struck):
    """Changes its bid as soon as it is told the book, so that clearing follows clearing."""

    name, causes = "at-once", {"restless"}
    price = 0.1

    def on_profile(self, profile: Profile) -> None:
        del profile
        self.bid(1.0 + self.seq % 2)


class Below(Struck):
    """Below the reserve it alters nothing, but once the auction is quiet all must confirm another book."""

    name, causes = "below-the-reserve", {"restless", "silent"}
    price = 0.1

    def on_open(self) -> None:
        self.bid(1.0 + self.seq % 2)
        self.later(0.2, self.on_open)

    def on_profile(self, profile: Profile) -> None:
        """It never confirms."""


class Flapping(Refused):
    name = "flaps"

    def on_open(self) -> None:
        self.say(ONLINE)
        self.bid()
        self.later(0.2, self.go)

    def go(self) -> None:
        self.say(OFFLINE)
        self.later(0.2, self.on_open)


class Reborn(Flapping):
    name = "is-reborn"

    def go(self) -> None:
        self.life = os.urandom(8)
        self.say(ONLINE)
        self.later(0.2, self.on_open)


class Rebidding(Struck):
    name, causes = "bids-at-awards", {"restless", "silent"}

    def on_award(self, award: Award) -> None:
        self.bid(20.0 + award.your_seq % 2)


class Withdrawing(Refused):
    name = "withdraws"

    def on_open(self) -> None:
        self.bid()
        self.later(0.2, self.withdraw)
        self.later(0.4, self.on_open)


class Namesake(Struck):
    """Gives its node the name of the honest buyer."""

    name, causes = "namesake", {"silent"}

    def bid(self, *_: float, **__: int) -> None:
        self.send(self.seller, Bid(0, 0, 30.0, 2.0, 1), of_node=f"b-{self.name}")

    def on_profile(self, profile: Profile) -> None:
        """It never confirms."""


class Many(Struck):
    name, causes = "made-up", {"silent"}

    def on_open(self) -> None:
        bid = raw("bid", 0, 0, 0.01, 2.0, 1)
        nodes = [f"n{k}" for k in range(MADE_UP)]
        self.send_envelopes(self.seller_host, [(f"s-{self.name}", node, bid) for node in nodes])

    def on_profile(self, profile: Profile) -> None:
        """None confirms."""


STRUCK: list[type[Struck]] = [
    *(Silent, Deaf, Declining, Dearest, Swinging, Tiny, AtOnce, Below, Flapping, Reborn, Rebidding, Withdrawing),
    *(Namesake, Many),
]


class Rejected(HostileBuyer):
    """Says what no correct buyer says, beside a bid as it should be."""

    pays = most = BESIDE
    reason: ClassVar[str]


class Numbers(Rejected):
    name, reason = "numbers", "malformed message"

    def on_open(self) -> None:
        odd = [float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e13, 10**30, "1", None, [1.0], True]
        bids = [("bid", 0, 0, quantity, 2.0, 9) for quantity in odd if quantity != 10**30]
        bids += [("bid", 0, 0, 30.0, price, 9) for price in odd if price not in (0.0, 10**30)]
        bids += [("bid", 0, 0, 30.0, 2.0, seq) for seq in (-1, 2**53, 2**64 - 1, 1.5, "1", None)]
        bids += [("bid",), ("bid", 0, 0, 30.0, 2.0), ("bid", 0, 0, 30.0, 2.0, 9, 9), ("bribe", 0), ()]
        for bid in bids:
            self.send(self.seller, raw(*bid))
        self.notes["said"] = len(bids)
        super().on_open()


class FromTheFuture(Rejected):
    name, reason = "round-to-come", "round to come"

    def on_open(self) -> None:
        self.send(self.seller, Bid(0, 99, 60.0, 9.0, 1), Accept(0, 99, 1))
        self.notes["said"] = 2
        super().on_open()


class Selling(Rejected):
    """Tells its seller what only sellers tell."""

    name, reason = "plays-the-seller", "not for a seller"

    def on_open(self) -> None:
        super().on_open()
        said = [Advert(0, 99, 9.0, 9.0, 0.0, "closed", 9, bytes(16)), Closed(0), Award(0, 1, 1, 60.0, 0.0)]
        self.send(self.seller, *said, raw("void", 0, 1), raw("settled", 0, 1, 60.0, 0.0), raw("withdrawn", 0, 1))
        self.notes["said"] = 6


class NotAwarded(Rejected):
    """Accepts before there is an award: of rounds that were, are and are to come, and by the bids of others."""

    name, reason = "accepts-at-will", "round to come"

    def on_profile(self, profile: Profile) -> None:
        if "said" not in self.notes:
            rounds = [*range(profile.round + 1), *range(profile.round + 3, profile.round + 23)]
            self.send(self.seller, *(Accept(0, round_, seq) for round_ in rounds for seq in (0, 1, 2)))
            self.notes["said"] = 60
        self.confirm(profile)


REJECTED: list[type[Rejected]] = [Numbers, FromTheFuture, Selling, NotAwarded]


class Twice(HostileBuyer):
    name, pays, most = "accepts-twice", BESIDE, BESIDE

    def on_award(self, award: Award) -> None:
        self.send(self.seller, *[Accept(0, award.round, award.your_seq)] * 5)


class SameNumber(HostileBuyer):
    name, pays, most = "same-number", BESIDE, BESIDE

    def on_open(self) -> None:
        self.bid()
        for seq in (1, 0):
            self.send(self.seller, Bid(0, 0, 60.0, 100.0, seq))


class OtherAuction(HostileBuyer):
    name, pays, most = "other-auction", BESIDE, BESIDE

    def on_open(self) -> None:
        for auction in (1, 7, 2**53 - 1):
            self.send(self.seller, Bid(auction, 0, 60.0, 100.0, 1), Accept(auction, 0, 1), Hold(auction, 0, 1, False))
        super().on_open()


class Undecided(HostileBuyer):
    name, pays, most = "undecided", BESIDE, BESIDE

    def on_profile(self, profile: Profile) -> None:
        self.confirm(profile, undecided=True)


class Late(HostileBuyer):
    """Answers whatever it is asked late, but before its patience is used up."""

    name, pays, most = "answers-late", BESIDE, BESIDE

    def on_profile(self, profile: Profile) -> None:
        self.later(0.25 * PATIENCE_S, lambda: self.confirm(profile))

    def on_award(self, award: Award) -> None:
        self.later(0.25 * PATIENCE_S, lambda: self.send(self.seller, Accept(0, award.round, award.your_seq)))


IN_VAIN: list[type[HostileBuyer]] = [Twice, SameNumber, OtherAuction, Undecided, Late]

ATTACKS: list[type[HostileBuyer]] = [*STRUCK, *REJECTED, *IN_VAIN]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    groups = [group(name) for name in CALM]
    groups += [group(attack.name, attack.name, 0.0 if attack is Tiny else 0.5) for attack in ATTACKS]
    return once(tmp_path_factory, "by-buyers", lambda folder: attacked(folder, ATTACKS, groups))


def test_the_run_settles_and_all_journals_agree(evidence: Evidence) -> None:
    assert (evidence.code, evidence.summary["status"]) == (0, "settled"), evidence.stderr
    assert "Traceback" not in evidence.stderr
    assert (evidence.ledger_code, evidence.breaches) == (0, [])
    assert evidence.summary["exposed_sellers"] == {}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_honest_users_trade_in_time_and_at_a_price_that_was_bid(evidence: Evidence, attack: type[HostileBuyer]) -> None:
    seller, buyer = f"s-{attack.name}", f"b-{attack.name}"
    quantity, charge = evidence.bought(buyer, seller)
    assert quantity == pytest.approx(40.0)
    assert attack.pays - 1e-6 <= charge <= attack.most + 1e-6
    assert evidence.closed_s(seller) <= evidence.latest_s()
    (purchase,) = evidence.events(buyer, "bought")
    assert purchase["quantity_mb"] == pytest.approx(40.0)


@pytest.mark.parametrize("attack", STRUCK, ids=lambda attack: attack.name)
def test_who_keeps_an_auction_waiting_is_struck_out_and_named(evidence: Evidence, attack: type[Struck]) -> None:
    struck = {address: causes for address, causes in evidence.summary["struck_out"].items() if attack.name in address}
    assert {host_of(address) for address in struck} <= {attack.name}
    assert set().union(*struck.values()) <= attack.causes
    assert len(struck) == (MADE_UP if attack is Many else 1)
    assert evidence.bought(attack.name, f"s-{attack.name}") == (0.0, 0.0)


@pytest.mark.parametrize("attack", REJECTED, ids=lambda attack: attack.name)
def test_who_says_what_no_correct_buyer_says_is_named(evidence: Evidence, attack: type[Rejected]) -> None:
    assert evidence.summary["rejected_from"][attack.name] == evidence.notes[attack.name]["said"]
    assert evidence.counters[f"rejected: {attack.reason}"] > 0
    assert evidence.bought(attack.name, f"s-{attack.name}") == pytest.approx((20.0, 10.0))


@pytest.mark.parametrize("attack", IN_VAIN, ids=lambda attack: attack.name)
def test_other_attacks_get_their_bidder_what_it_has_bid_for_once(
    evidence: Evidence, attack: type[HostileBuyer]
) -> None:
    (sale,) = [sale for sale in evidence.events(f"s-{attack.name}", "settled") if sale["buyer"].startswith(attack.name)]
    assert (sale["quantity_mb"], sale["charge_money"]) == pytest.approx((20.0, 10.0))
    assert evidence.notes[attack.name]["receipt"] == [sale["quantity_mb"], sale["charge_money"]]


def test_only_attackers_are_named(evidence: Evidence) -> None:
    assert {host_of(address) for address in evidence.summary["struck_out"]} <= {one.name for one in STRUCK}
    assert evidence.summary["rejected_from"].keys() == {one.name for one in REJECTED}
    assert evidence.summary["disputed_sales"] == []
    assert evidence.summary["throttled"] == {}
