"""Markets of the exchange as a ``ParallelEnv`` of PettingZoo and as an ``Env`` of Gymnasium."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import gymnasium
import msgspec
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Space
from pettingzoo import ParallelEnv

from node.mechanism.checks import FloatArray
from node.mechanism.rounding import ROUNDING
from node.strategy.psp.policy import checked, size_of
from scenarios.errors import ScenarioError
from scenarios.files.names import check_known, names_of, some
from scenarios.learning.rounds import ArrayWorld
from scenarios.learning.simulated import SimulatedWorld
from scenarios.markets.load import load
from scenarios.markets.psp.market import Market, draw
from scenarios.markets.psp.schema import Scenario, Shift, Users

Step = tuple[dict[str, FloatArray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]
"""Observations, rewards, terminations, truncations and infos, by agent."""


class _World(Protocol):
    """A market in which some buyers bid what they are told."""

    def observe(self) -> dict[str, FloatArray]:
        """What each of them sees."""
        ...

    def utilities(self) -> dict[str, float]:
        """What each of them would have if all auctions were awarded now, money."""
        ...

    def step(self, actions: Mapping[str, FloatArray], leaving: Collection[str]) -> None:
        """Tell them what to bid, and let a step of time go by, in which some of them leave."""
        ...

    def end(self, actions: Mapping[str, FloatArray], leaving: Collection[str], timeout_s: float) -> None:
        """Tell them what they bid in the end, and let the market settle within so many seconds of its opening."""
        ...


_WORLDS: dict[str, Callable[[Market, Sequence[str], int, float], _World]] = {
    "sim": SimulatedWorld,
    "array": ArrayWorld,
}


class MarketEnv(ParallelEnv[str, FloatArray, FloatArray]):  # type: ignore[misc] # pettingzoo has no types
    """A market in which some buyers are agents; the others, and all sellers, do what the scenario says.

    An episode is one market from its opening on. In each step every agent bids, and a step of time goes by. The reward
    of a step is by how much it changed the agent's utility: the worth of what it has bought and would get if all
    auctions were awarded now, less what that costs. So an agent's rewards add up to its utility at the end, money.

    An agent whose buyer leaves is terminated in that step, and keeps what it has bought; one whose buyer joins late
    comes then. The bids of the last step stand: the auctions are awarded, and all agents that are left are truncated.
    Who would leave after the last step does not leave, and no other shift of so late a time happens.

    Parameters
    ----------
    scenario
        A ``Scenario``, the path of a scenario file, or the name of a shipped one.
    learners
        The buyers that are agents, by name; all of them if not given.
    world
        ``array``: rounds in numpy; ``sim``: nodes and messages on virtual time.
    steps
        Steps of an episode.
    step_s
        Seconds of a step: long enough for a bid to be answered.
    population
        The seed by which the users of every episode are drawn; each episode's own if not given.

    Raises
    ------
    ScenarioError
        If the scenario or an option is not valid, or the world cannot play it; the text says what to change.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "bidswarm_exchange", "render_modes": [], "is_parallelizable": True}

    def __init__(
        self,
        scenario: Scenario | str | Path,
        *,
        learners: Sequence[str] | None = None,
        world: Literal["array", "sim"] = "array",
        steps: int = 40,
        step_s: float = 0.2,
        population: int | None = None,
    ) -> None:
        self._scenario = _exchange(scenario)
        _check_options(world, steps, step_s, population)
        self._kind, self._steps, self._step_s, self._population = _WORLDS[world], int(steps), step_s, population
        market = self._drawn(0)
        pools = {buyer.name: buyer.pool for buyer in market.buyers}
        self.possible_agents = list(pools) if learners is None else _checked_learners(learners, pools.keys())
        self._check(market)
        self.slots = max(len(pools[name]) for name in self.possible_agents)
        self.observation_spaces: dict[str, Space[Any]] = {
            name: Box(0.0, 1.0, (size_of(self.slots),), np.float64) for name in self.possible_agents
        }
        self.action_spaces: dict[str, Space[Any]] = {
            name: Box(0.0, 1.0, (self.slots, 2), np.float64) for name in self.possible_agents
        }
        self.agents: list[str] = []
        self._utilities: dict[str, float] = {}
        self._random: np.random.Generator | None = None
        self._world: _World | None = None
        if world == "array":
            self._opened(market)  # says at once what this world cannot play

    def observation_space(self, agent: str) -> Space[Any]:
        """Shares, all from 0 to 1 (``Sight``)."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space[Any]:
        """Shape (slots, 2): at each seller a share of the demand, and of what the first MB is worth per MB."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, FloatArray], dict[str, dict[str, Any]]]:
        """Open the next market; the same seed gives the same market again, and the same ones after it.

        Without a seed it is the next one since a seed was given, or any one if none ever was.
        """
        del options
        if seed is not None or self._random is None:
            self._random = np.random.default_rng(seed)
        self._start(self._drawn(int(self._random.integers(1 << 32)) if seed is None else seed))
        return self._observations(self.agents), {name: {} for name in self.agents}

    def step(self, actions: dict[str, FloatArray]) -> Step:
        """Have all agents bid, and a step of time go by.

        Raises
        ------
        ResetNeeded
            If no episode has begun, or it is over.
        ValueError
            If an action is lacking or none; nothing has happened then.
        """
        if self._world is None:
            raise ResetNeeded("no episode has begun; call reset first")
        if self._taken >= self._steps:
            raise ResetNeeded(f"the episode is over after step {self._steps}; call reset for the next one")
        if lacking := [name for name in self.agents if name not in actions]:
            raise ValueError(f"actions lack {some(lacking)}; give one for every agent")
        told = {name: self._action(name, actions[name]) for name in self.agents}
        self._taken += 1
        is_last = self._taken >= self._steps
        leaving = {name for name in self.agents if self._leaves.get(name) == self._taken}
        if is_last:
            self._world.end(told, leaving, self._scenario.timeout_s)
        else:
            self._world.step(told, leaving)
        present = [*self.agents, *(name for name, step in self._joins.items() if step == self._taken)]
        utilities = self._world.utilities()
        rewards = {name: utilities[name] - self._utilities[name] for name in present}
        self._utilities = utilities
        terminated = {name: name in leaving for name in present}
        truncated = {name: is_last and not terminated[name] for name in present}
        self.agents = [name for name in present if not (terminated[name] or is_last)]
        return self._observations(present), rewards, terminated, truncated, {name: {} for name in present}

    def _action(self, name: str, action: FloatArray) -> FloatArray:
        try:
            return checked(action, self.slots)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def _observations(self, names: Sequence[str]) -> dict[str, FloatArray]:
        assert self._world is not None
        seen = self._world.observe()
        return {name: seen[name] for name in names}

    def _drawn(self, seed: int) -> Market:
        market = draw(self._scenario, seed if self._population is None else self._population)
        shifts = [one for one in market.shifts if one.kind == "join" or self._step_of(one) <= self._steps]
        return msgspec.structs.replace(market, seed=seed, shifts=shifts)

    def _step_of(self, shift: Shift) -> int:
        """The step in which it happens; at the end of a step counts as in it, but for rounding errors."""
        return max(1, math.ceil((1.0 - ROUNDING) * shift.at_s / self._step_s))

    def _steps_of(self, market: Market, kind: str) -> dict[str, int]:
        """In which step that happens to each node to which it does."""
        return {one.node: self._step_of(one) for one in market.shifts if one.kind == kind}

    def _opened(self, market: Market) -> _World:
        return self._kind(market, self.possible_agents, self.slots, self._step_s)

    def _start(self, market: Market) -> None:
        self._world = self._opened(market)
        joins, self._leaves = self._steps_of(market, "join"), self._steps_of(market, "leave")
        self._joins = {name: step for name, step in joins.items() if name in self.possible_agents}
        self._taken = 0
        self.agents = [name for name in self.possible_agents if name not in self._joins]
        self._utilities = dict.fromkeys(self.possible_agents, 0.0)

    def _check(self, market: Market) -> None:
        """Raise ScenarioError, naming key, value and remedy, if the market has no such episodes."""
        if market.chaos:
            raise ScenarioError("chaos: nothing goes wrong where agents learn; take it out of the scenario")
        lasts_s = self._steps * self._step_s
        if self._kind is SimulatedWorld and lasts_s >= market.timing.patience_s:
            raise ScenarioError(
                f"steps = {self._steps} of {self._step_s} s take {lasts_s:g} s, and sellers bear the undecided for "
                f"{market.timing.patience_s:g} s; take fewer, or raise auction.patience_s"
            )
        for shift in market.shifts:
            if shift.kind == "join" and shift.at_s > lasts_s - self._step_s:
                raise ScenarioError(f"{shift.node!r} joins at {shift.at_s} s, after the last step began; raise steps")
        joins = self._steps_of(market, "join")
        for shift in market.shifts:
            if shift.kind == "leave" and joins.get(shift.node) == self._step_of(shift):
                raise ScenarioError(
                    f"{shift.node!r} joins and leaves, at {shift.at_s} s, in one step of {self._step_s} s; lower step_s"
                )


def _exchange(scenario: Scenario | str | Path) -> Scenario:
    found = scenario if isinstance(scenario, Scenario) else load(str(scenario))
    if not isinstance(found, Scenario):
        raise ScenarioError(f"{found.name!r} is no exchange; agents are buyers: give a scenario with market = 'psp'")
    return found


def _check_options(world: str, steps: int, step_s: float, population: int | None) -> None:
    """Raise ScenarioError, naming option, value and remedy, if one of them is not what it should be."""
    if world not in _WORLDS:
        raise ScenarioError(f"world = {world!r}: agents learn in the worlds {' and '.join(_WORLDS)}; give one of them")
    if not _is_whole(steps) or steps < 1:
        raise ScenarioError(f"steps = {steps!r}: give a whole number of at least 1")
    if not 0.0 < step_s < math.inf:
        raise ScenarioError(f"step_s = {step_s!r}: give seconds, more than 0")
    if population is not None and (not _is_whole(population) or population < 0):
        raise ScenarioError(f"population = {population!r}: give a seed, a whole number of at least 0, or leave it out")


def _is_whole(number: object) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool)


def _checked_learners(learners: Sequence[str], known: Users) -> list[str]:
    """The learners, or ScenarioError, naming value and remedy."""
    if isinstance(learners, str):
        raise ScenarioError(f"learners = {learners!r}: give a list of names: [{learners!r}]")
    names = list(learners)
    if not names:
        raise ScenarioError("learners = []: name at least one buyer, or leave it out for all of them")
    check_known("learners", names, known, "buyer")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ScenarioError(f"learners has {some(twice)} more than once; name each buyer once")
    return names


class BuyerEnv(gymnasium.Env[FloatArray, FloatArray]):
    """One buyer that learns among scripted ones: a ``MarketEnv`` with this one agent, and its parameters."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - gymnasium's

    def __init__(self, scenario: Scenario | str | Path, buyer: str, **options: Any) -> None:  # noqa: ANN401 - as there
        made = _exchange(scenario)
        check_known("buyer", [buyer], {name for group in made.buyers for name in names_of(group)}, "buyer")
        self._buyer = buyer
        self._market = MarketEnv(made, learners=[buyer], **options)
        self.observation_space = self._market.observation_space(buyer)
        self.action_space = self._market.action_space(buyer)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Open the next market, as ``MarketEnv.reset`` does."""
        super().reset(seed=seed)
        episode = int(self.np_random.integers(1 << 32)) if seed is None else seed
        observations, infos = self._market.reset(episode, options)
        while self._buyer not in self._market.agents:  # it joins late
            observations, _, _, _, infos = self._market.step({})
        return observations[self._buyer], infos[self._buyer]

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Bid, and let a step of time go by; raises what ``MarketEnv.step`` raises."""
        name = self._buyer
        if name not in self._market.agents:
            raise ResetNeeded(f"no episode of {name} goes on; call reset first")
        observations, rewards, terminated, truncated, infos = self._market.step({name: action})
        return observations[name], rewards[name], terminated[name], truncated[name], infos[name]
