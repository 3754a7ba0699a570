"""Messages of every kind, drawn by hypothesis."""

from typing import get_args

from hypothesis import strategies as st

from node.protocol.dmp.messages import (
    Blocked,
    CallSpec,
    Commit,
    Contract,
    ContractKind,
    Decommit,
    Deregister,
    Deregistered,
    Invite,
    MarketState,
    Noted,
    Register,
    Registered,
    Registry,
    Report,
    Request,
    Role,
    SealedBid,
)
from node.protocol.machine import Message
from node.protocol.numbers import (
    DIGEST_BYTES,
    MAX_COUNT,
    MAX_MONEY,
    MAX_PRICE,
    MAX_QUANTITY_MB,
    MAX_RATE_KBPS,
    MAX_SECONDS,
)
from node.protocol.psp.messages import (
    Accept,
    Advert,
    Award,
    Bid,
    Closed,
    Decline,
    Hold,
    Profile,
    Settled,
    Void,
    Withdraw,
    Withdrawn,
)
from node.protocol.topics import NAME

counts = st.integers(0, MAX_COUNT)
amounts, prices, money = st.floats(0, MAX_QUANTITY_MB), st.floats(0, MAX_PRICE), st.floats(0, MAX_MONEY)
positive = st.floats(0, MAX_QUANTITY_MB, exclude_min=True)
shares, seconds = st.floats(0, 1), st.floats(0, MAX_SECONDS)
rates = st.floats(0, MAX_RATE_KBPS, exclude_min=True)
digests = st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES)
names = st.from_regex(NAME, fullmatch=True)
addresses = st.builds("{}/{}".format, names, names)
calls = st.builds(CallSpec, seconds, names, st.sampled_from(get_args(ContractKind)), rates, seconds)
call_messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Register, counts, st.sampled_from(get_args(Role))),
    st.builds(Registered, counts, counts),
    st.builds(Deregister, counts),
    st.builds(Deregistered, counts),
    st.builds(
        Registry,
        *(counts, st.sampled_from(get_args(MarketState)), st.lists(addresses), st.lists(shares), st.lists(addresses)),
    ),
    st.builds(Request, counts, counts, calls, shares, st.none() | prices),
    st.builds(Invite, counts, calls, shares, shares, counts, st.none() | st.lists(shares)),
    st.builds(SealedBid, counts, st.none() | prices),
    st.builds(Contract, counts, addresses, calls, prices),
    st.builds(Commit, counts),
    st.builds(Decommit, counts),
    st.builds(Blocked, counts),
    st.builds(Report, counts, st.booleans()),
    st.builds(Noted, counts, st.booleans()),
)
messages: st.SearchStrategy[Message] = call_messages | st.one_of(
    st.builds(
        Advert,
        *(counts, counts, amounts, amounts, prices, st.sampled_from(["open", "awarding", "closed"]), counts, digests),
    ),
    st.builds(Bid, counts, counts, positive, prices, counts),
    st.builds(Withdraw, counts, counts, counts),
    st.builds(Withdrawn, counts, counts),
    st.builds(
        Profile,
        *(
            counts,
            counts,
            counts,
            counts,
            amounts,
            prices,
            amounts,
            money,
            st.lists(amounts),
            st.lists(prices),
            digests,
        ),
    ),
    st.builds(Hold, counts, counts, counts, st.booleans()),
    st.builds(Award, counts, counts, counts, positive, money),
    st.builds(Accept, counts, counts, counts),
    st.builds(Decline, counts, counts, counts),
    st.builds(Settled, counts, counts, positive, money),
    st.builds(Void, counts, counts),
    st.builds(Closed, counts),
)
