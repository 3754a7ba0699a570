"""A node's membership with the agent that serves it: registers and deregisters, and repeats both until confirmed."""

from collections.abc import Iterator
from typing import Literal

from node.protocol.dmp.messages import Deregister, Deregistered, Register, Registered, Role
from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.machine import CancelTimer, Effect, Send, SetTimer
from node.protocol.retry import PATIENCE, backoff

TIMER = "membership"

_AWAITED = {Registered: {"joining"}, Deregistered: {"leaving", "in", "joining"}}
"""States in which each confirmation of the provider changes something."""


class Membership:
    """One node's membership at ``provider``, a market agent or a service agent.

    Attributes
    ----------
    epoch
        That of the last admission; 0 before the first.
    """

    def __init__(self, provider: str, role: Role, retry_s: float) -> None:
        self.provider = provider
        self.epoch = 0
        self.state: Literal["out", "joining", "in", "leaving", "left"] = "out"
        self._role: Role = role
        self._retry_s = retry_s
        self._seq = 0
        self._repeated = 0

    def start_from(self, number: int) -> None:
        """Number the next messages above those of an earlier life."""
        self._seq = number

    def join(self, now: float) -> Iterator[Effect]:
        """Ask to take part, for the first time or again."""
        self.state = "joining"
        yield from self._say(now)

    def leave(self, now: float) -> Iterator[Effect]:
        """Deregister, unless that is done or under way."""
        if self.state in {"joining", "in"}:
            self.state = "leaving"
            yield from self._say(now)

    def on_reconnected(self, now: float) -> Iterator[Effect]:
        """Register anew what was cut off, unless it leaves."""
        if self.state in {"joining", "in"}:
            yield from self.join(now)

    def _say(self, now: float) -> Iterator[Effect]:
        self._seq += 1
        self._repeated = 0
        yield Send(self.provider, self._message)
        yield SetTimer(TIMER, now + self._retry_s)

    @property
    def _message(self) -> Register | Deregister:
        return Deregister(self._seq) if self.state == "leaving" else Register(self._seq, self._role)

    def repeat(self, now: float) -> Iterator[Effect]:
        """Resend the last message: ``Register`` without limit, ``Deregister`` at most ``PATIENCE`` times."""
        if self.state == "leaving" and self._repeated >= PATIENCE:
            self.state = "left"
        if self.state in {"joining", "leaving"}:
            self._repeated += 1
            yield Send(self.provider, self._message)
            yield SetTimer(TIMER, now + backoff(self._retry_s, min(self._repeated, 20)))

    def on_confirmation(self, sender: str, message: Registered | Deregistered) -> Iterator[Effect]:
        """Take in the provider's answer, or that it has put out a node which was silent for too long.

        Raises
        ------
        RejectedError
            If it comes from somebody else, or answers what was never said.
        IgnoredError
            If it is repeated or overtaken.
        """
        if sender != self.provider or message.seq > self._seq:
            raise RejectedError("confirms what was never said")
        if message.seq < self._seq or self.state not in _AWAITED[type(message)]:
            raise IgnoredError("repeated confirmation")
        if isinstance(message, Registered):
            self.state, self.epoch = "in", message.epoch
        else:
            self.state = "left" if self.state == "leaving" else "out"
        yield CancelTimer(TIMER)
