import struct
from hashlib import blake2b

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from node.protocol.psp.digest import packed, rows_of
from node.protocol.psp.messages import Accept, Bid, Profile
from tests.protocol.drawn import amounts, counts, digests, money, prices
from tests.protocol.psp.bench import A, B, SellerBench, awarding_seller, digest_of, fitting, posted, sent_as

rows = st.lists(st.tuples(amounts, prices), min_size=1, max_size=20)
profiles = st.builds(
    lambda head, book, digest: Profile(*head, [q for q, _ in book], [p for _, p in book], digest),
    st.tuples(counts, counts, counts, counts, amounts, prices, amounts, money),
    rows,
    digests,
)


@given(profiles)
def test_digest_is_what_the_protocol_says(profile: Profile) -> None:
    doubles = [profile.supply, profile.reserve, *profile.quantities, *profile.prices]
    encoded = struct.pack(">Q", profile.auction) + b"".join(struct.pack(">d", double) for double in doubles)
    assert digest_of(profile) == blake2b(encoded, digest_size=16).digest()


@given(profiles, profiles)
def test_digest_is_the_same_for_all_readers_and_rounds(one: Profile, other: Profile) -> None:
    of_another = msgspec.structs.replace(
        one,
        round=other.round,
        your_seq=other.your_seq,
        your_row=other.your_row,
        allocation=other.allocation,
        charge=other.charge,
        digest=other.digest,
    )
    assert digest_of(of_another) == digest_of(one)


@given(profiles, st.sampled_from(["auction", "supply", "reserve", "quantities", "prices"]), profiles)
def test_another_book_has_another_digest(one: Profile, field: str, other: Profile) -> None:
    changed = msgspec.structs.replace(one, **{field: getattr(other, field)})
    assume(len(changed.quantities) == len(changed.prices))
    assume(repr(changed) != repr(one))
    assert digest_of(changed) != digest_of(one)


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 10)), min_size=1, max_size=8))
def test_all_bidders_are_told_the_digest_of_their_book_and_so_is_the_board(bids: list[tuple[float, float]]) -> None:
    bench = SellerBench().opened()
    for k, (quantity, price) in enumerate(bids):
        bench.bids(f"h{k}/buyer", quantity, price)
    effects = bench.clears()
    profiles = sent_as(Profile, effects)
    digests = {digest_of(profile) for profile in map(reread, profiles.values())}
    assert digests == {profile.digest for profile in profiles.values()}
    assert len(profiles) == len(bids)
    for advert in posted(effects):
        assert (advert.round, {advert.digest}) == (1, digests)


def reread(profile: Profile) -> Profile:
    """The profile as it comes off the wire: its rows are encoded already."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(profile), type=Profile)


def test_bid_made_anew_leaves_the_digest_of_the_book() -> None:
    bench = SellerBench().opened()
    bench.bids(A, 60, 4)
    first = sent_as(Profile, bench.clears())[A]
    bench.bids(A, 60, 4, seq=2)
    second = sent_as(Profile, bench.clears())[A]
    assert (second.round, second.digest) == (2, first.digest)


def test_profile_repeated_while_others_settle_is_still_that_of_its_clearing() -> None:
    bench = awarding_seller()
    bench.hears(A, Accept(0, 1, 1))
    again = sent_as(Profile, bench.hears(B, Bid(0, 0, 70, 3, 1)))[B]
    assert reread(again) == fitting(reread(again))


@given(profiles)
def test_packed_book_keeps_its_rows(profile: Profile) -> None:
    book = packed(profile.auction, profile.supply, profile.reserve, profile.quantities, profile.prices)
    assert rows_of(book) == (tuple(profile.quantities), tuple(profile.prices))
