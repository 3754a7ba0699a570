"""A node that receives events of its own at planned times: market shifts (paper, Prop. IV.1)."""

from collections.abc import Sequence

from node.protocol.journal import MarketOpened
from node.protocol.machine import Effect, Event, Machine, Opened, Persist, Restored, SetTimer, TimerFired
from node.protocol.trace import Joined

Plan = Sequence[tuple[float, Event]]
"""(seconds after the opening of the market, event)."""


class Planned:
    """Hands a plan's events to a machine when they are due.

    If the plan has an ``Opened``, the node joins late: its machine gets that one, and not the opening of the market.
    """

    def __init__(self, machine: Machine, plan: Plan) -> None:
        self.machine = machine
        self._at = {f"planned-{k}": at_s for k, (at_s, _) in enumerate(plan)}
        self._due: dict[str, Event] = {f"planned-{k}": event for k, (_, event) in enumerate(plan)}
        self._joins_late = Opened() in self._due.values()
        self._opened_at: float | None = None

    @property
    def watches(self) -> frozenset[str]:
        """What the machine watches."""
        return self.machine.watches

    @property
    def finished(self) -> bool:
        """Whether all that was planned has happened, and the machine has finished."""
        return not self._due and self.machine.finished

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at time ``now``, seconds."""
        match event:
            case Opened():
                effects = self._opened(now)
                return effects if self._joins_late else [*effects, *self.machine.step(now, event)]
            case Restored():
                self._opened_at = event.opened_at
            case TimerFired(name) if name in self._due:
                due = self._due.pop(name)
                noted: list[Effect] = [Joined()] if due == Opened() else []
                return [*noted, *self.machine.step(now, due)]
        return self.machine.step(now, event)

    def _opened(self, now: float) -> list[Effect]:
        """Set a timer for each planned event; one whose time passed while the node was down is due at once."""
        noted: list[Effect] = []
        if self._opened_at is None:
            self._opened_at = now
            noted = [Persist(MarketOpened())]
        return noted + [SetTimer(name, self._opened_at + self._at[name]) for name in self._due]
