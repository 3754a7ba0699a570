"""Which runs of a sweep are still to be done, and how far it is."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from scenarios.markets.base import Scenario
from scenarios.sweep.plan import Order, Plan, check_unchanged
from scenarios.sweep.stopping import Stopping
from scenarios.sweep.work import Done, figure_for
from scenarios.words import counted, span_of


class Course:
    """Hands out orders by cell and then seed, and takes in what becomes of them.

    Runs that broke down before are done again.
    """

    def __init__(self, plan: Plan, over: Mapping[str, Done]) -> None:
        self._plan = plan
        self._cells: dict[str, list[int]] = defaultdict(list)
        for cell, runs in enumerate(plan.runs):
            for run in runs:
                self._cells[run].append(cell)
        self._over = {run: done for run, done in over.items() if run in self._cells and not done.is_broken}
        self._statuses = Counter(done.status for done in self._over.values())
        self._stopping = [Stopping(plan.until_ci) for _ in plan.cells]
        self._reached = [0] * len(plan.cells)
        self._spared = 0
        self.before = self.count
        for cell in range(len(plan.cells)):
            self._advance(cell)

    def take(self, done: Done) -> None:
        """A run is over."""
        self._over[done.run] = done
        self._statuses[done.status] += 1
        for cell in self._cells[done.run]:
            self._advance(cell)

    def _advance(self, cell: int) -> None:
        """Take in, in the order of their seeds, the runs before the first that is not over."""
        stopping, runs, until = self._stopping[cell], self._plan.runs[cell], self._plan.until_ci
        while not stopping.is_enough and self._reached[cell] < len(runs):
            done = self._over.get(runs[self._reached[cell]])
            if done is None:
                return
            self._reached[cell] += 1
            if stopping.add(figure_for(until, done)):
                self._spared += sum(run not in self._over for run in runs)

    def orders(self, shared: Path | None) -> Iterator[Order]:
        """What is to be done, as long as a cell has not enough.

        Parameters
        ----------
        shared
            The folder of the sweep, if the workers see it.

        Raises
        ------
        ScenarioError
            If what the sweep was planned with has changed.
        """
        of_cell: tuple[int, Scenario] | None = None
        for cell, seed in self._missing():
            if of_cell is None or of_cell[0] != cell:
                of_cell = cell, self._plan.scenario_of(cell)
                check_unchanged(self._plan, *of_cell)
            yield self._plan.order(cell, seed, of_cell[1], shared)

    def missing(self) -> Iterator[str]:
        """The ids of these runs."""
        for cell, seed in self._missing():
            yield self._plan.runs[cell][seed]

    def _missing(self) -> Iterator[tuple[int, int]]:
        """The places of their cells and seeds, each run once."""
        asked: set[str] = set()
        for cell, runs in enumerate(self._plan.runs):
            for seed, run in enumerate(runs):
                if self._stopping[cell].is_enough:
                    break
                if run not in self._over and run not in asked:
                    asked.add(run)
                    yield cell, seed

    @property
    def count(self) -> int:
        """How many runs are over, those from before included."""
        return self._statuses.total()

    @property
    def most(self) -> int:
        """How many there will be at most."""
        return max(self.count, len(self._cells) - self._spared)

    def headline(self, elapsed_s: float) -> str:
        """How far the sweep is, in a line; ``elapsed_s`` is for how long runs have been done here."""
        count, most = self.count, self.most
        troubles = [f"{number:,} {status}" for status, number in sorted(self._statuses.items()) if status != "settled"]
        here = count - self.before
        left = f"about {span_of(elapsed_s / here * (most - count))} left" if here else ""
        at_most = "at most " if self._plan.until_ci else ""
        return "  ".join(filter(None, [f"{count:,} of {at_most}{counted(most, 'run')}", *troubles, left]))
