"""Random books, most of them with ties, zero bids and prices at the reserve."""

from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class BookCase:
    quantity: list[float]
    price: list[float]
    supply: float
    reserve: float

    @property
    def worth(self) -> float:
        """The money at stake: what a rounding error is measured against."""
        return max([self.reserve, *self.price]) * max(self.supply, sum(self.quantity))


def amounts() -> st.SearchStrategy[float]:
    return st.one_of(
        st.integers(0, 6).map(float),
        st.sampled_from([0.1, 1 / 3, 10.0, 100.0]),
        st.floats(0.0, 200.0, allow_subnormal=False),
    )


def prices() -> st.SearchStrategy[float]:
    # A subnormal price times less than 1 MB would round to 0, and what must be paid for pass for free.
    numbers = st.floats(0.0, 10.0, allow_subnormal=False)
    return st.one_of(st.integers(0, 4).map(float), st.sampled_from([0.1, 1.2, 1.5]), numbers)


@st.composite
def books(draw: st.DrawFn, min_size: int = 0, max_size: int = 9) -> BookCase:
    bids = draw(st.lists(st.tuples(amounts(), prices()), min_size=min_size, max_size=max_size))
    quantity, price = [d for d, _ in bids], [p for _, p in bids]
    # A subnormal share of what is wanted has too few digits for the sum of the allocations to be the supply.
    shares = st.floats(0.0, 1.0, allow_subnormal=False)
    supply = draw(st.one_of(amounts(), st.just(sum(quantity)), shares.map(lambda x: x * sum(quantity))))
    reserve = draw(st.one_of(st.just(0.0), prices(), st.sampled_from(price or [0.0])))
    scale, unit = draw(st.sampled_from([(1.0, 1.0), (1.0, 1.0), (1e-6, 1e9), (2.0**300, 2.0**-200), (1e-90, 1e-90)]))
    return BookCase([d * scale for d in quantity], [p * unit for p in price], supply * scale, reserve * unit)
