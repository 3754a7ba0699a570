"""Random valuations of all families."""

from hypothesis import strategies as st

from node.mechanism.valuation import (
    Capped,
    Flat,
    Isoelastic,
    Logarithmic,
    Paced,
    Parabolic,
    PiecewiseLinear,
    Scaled,
    Valuation,
)

demands = st.one_of(st.integers(1, 100).map(float), st.floats(0.01, 1000.0))
unit_prices = st.one_of(st.integers(1, 20).map(float), st.floats(0.01, 100.0))
shares = st.floats(0.01, 0.99)


def parabolic() -> st.SearchStrategy[Parabolic]:
    return st.builds(Parabolic, demands, unit_prices)


def flat() -> st.SearchStrategy[Flat]:
    return st.builds(Flat, demands, unit_prices)


@st.composite
def logarithmic(draw: st.DrawFn) -> Logarithmic:
    choke_price = draw(unit_prices)
    return Logarithmic(draw(demands), choke_price, choke_price * draw(shares))


@st.composite
def isoelastic(draw: st.DrawFn) -> Isoelastic:
    choke_price = draw(unit_prices)
    elasticity = draw(st.one_of(st.sampled_from([0.5, 1.0, 2.0]), st.floats(0.2, 3.0)))
    return Isoelastic(draw(demands), choke_price * draw(st.floats(0.05, 1.0)), elasticity, choke_price)


@st.composite
def piecewise(draw: st.DrawFn) -> PiecewiseLinear:
    widths = draw(st.lists(st.integers(1, 20), min_size=1, max_size=5))
    prices = sorted(draw(st.lists(st.integers(0, 9), min_size=len(widths), max_size=len(widths))), reverse=True)
    knots = [(0.0, float(prices[0] + draw(st.integers(1, 5))))]
    for width, price in zip(widths, prices, strict=True):
        knots.append((knots[-1][0] + width, float(price)))
    return PiecewiseLinear(tuple(knots))


def scaled() -> st.SearchStrategy[Scaled]:
    return st.builds(Scaled, st.one_of(parabolic(), logarithmic()), st.floats(0.1, 10.0))


@st.composite
def capped(draw: st.DrawFn) -> Capped:
    theta = draw(st.one_of(parabolic(), flat(), logarithmic(), isoelastic(), piecewise()))
    return Capped(theta, draw(shares) * theta.value(theta.demand_mb))


@st.composite
def paced(draw: st.DrawFn) -> Paced:
    """With limits that bind somewhere, nearly everywhere, or nowhere."""
    theta = draw(st.one_of(parabolic(), flat(), logarithmic(), isoelastic(), piecewise()))
    return Paced(theta, draw(st.floats(0.01, 1.5)) * theta.value(theta.demand_mb))


def valuations() -> st.SearchStrategy[Valuation]:
    return st.one_of(parabolic(), flat(), logarithmic(), isoelastic(), piecewise(), scaled(), capped(), paced())
