"""How kept and broken contracts move a network operator's reputation r in [0, 1]; lower is better."""

from dataclasses import dataclass, replace

from node.mechanism.dmp.checks import count, fraction


@dataclass(frozen=True, slots=True)
class WindowReputation:
    """The share of failures among the last ``window`` calls (Le Bodic): r = 1 - successes/window.

    Attributes
    ----------
    window
        How many calls count, at least 1.
    initial
        r until that many have been reported.
    outcomes
        The last reports, oldest first, at most ``window``; True for a call that was served to its end.

    Raises
    ------
    ValueError
        If ``window`` is not an integer of at least 1, ``initial`` is outside of [0, 1], or there are more outcomes than
        the window holds.

    Examples
    --------
    >>> reputation = WindowReputation(window=2, initial=0.3)
    >>> reputation.after(True).value, reputation.after(True).after(False).value
    (0.3, 0.5)
    """

    window: int
    initial: float = 0.0
    outcomes: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        fraction("initial", self.initial)
        if len(self.outcomes) > count("window", self.window, 1):
            raise ValueError(f"outcomes must be at most window = {self.window}, got {len(self.outcomes)}")

    @property
    def value(self) -> float:
        """The reputation r at present."""
        if len(self.outcomes) < self.window:
            return float(self.initial)
        return self.outcomes.count(False) / self.window

    def after(self, served: bool) -> "WindowReputation":  # noqa: FBT001 - the one thing there is to say of a call
        """The reputation when one more call has been served or not."""
        return replace(self, outcomes=(*self.outcomes, bool(served))[-self.window :])


@dataclass(frozen=True, slots=True)
class StepReputation:
    """A small step down for each call served, a larger one up for each that is not (McDiarmid).

    Success r - step, failure r + step·q/(1 - q), clamped to [0, 1]: on average r stays where it is for an operator
    that serves just the share q of its calls.

    Attributes
    ----------
    commitment
        q, the commitment level, in [0, 1).
    value
        r at present.
    step
        Of a success, in [0, 1].

    Raises
    ------
    ValueError
        If a field is out of range.

    Examples
    --------
    >>> reputation = StepReputation(commitment=0.75, value=0.5)
    >>> reputation.after(True).value, round(reputation.after(False).value, 4)
    (0.49, 0.53)
    """

    commitment: float
    value: float = 0.0
    step: float = 0.01

    def __post_init__(self) -> None:
        fraction("value", self.value)
        fraction("step", self.step)
        if fraction("commitment", self.commitment) == 1.0:
            raise ValueError(f"commitment must be below 1, where a failure costs everything, got {self.commitment!r}")

    def after(self, served: bool) -> "StepReputation":  # noqa: FBT001 - the one thing there is to say of a call
        """The reputation when one more call has been served or not."""
        change = -self.step if served else self.step * self.commitment / (1.0 - self.commitment)
        return replace(self, value=min(1.0, max(0.0, self.value + change)))
