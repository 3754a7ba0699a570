"""Which runs are still to be done, and how far a sweep says that it is."""

import pytest

from scenarios.sweep.course import Course
from scenarios.sweep.grid import cells_of
from scenarios.sweep.plan import Plan, planned
from scenarios.sweep.stopping import UntilCi
from scenarios.sweep.sweep import tables_of
from scenarios.sweep.work import Done


def plan_of(until_ci: UntilCi | None = None) -> Plan:
    cells = cells_of({"buyers.0.count": ["2", "3"]})
    return planned(*tables_of("neighbourhood"), cells, range(8), world="array", until_ci=until_ci)


def done(plan: Plan, cell: int, seed: int, status: str = "settled", welfare: float = 1.0) -> Done:
    return Done(run=plan.runs[cell][seed], seed=seed, world="array", status=status, figures={"welfare": welfare})


def test_runs_that_broke_down_before_are_done_again_and_others_are_not() -> None:
    plan = plan_of()
    over = {one.run: one for one in (done(plan, 0, 0), done(plan, 0, 1, "error"), done(plan, 1, 7, "timeout"))}
    course = Course(plan, over)

    assert (course.count, course.most, course.before) == (2, 16, 2)
    assert list(course.missing()) == [
        run for runs in plan.runs for run in runs if run not in over or over[run].is_broken
    ]
    assert course.headline(0.0) == "2 of 16 runs  1 timeout"
    course.take(done(plan, 0, 1, "error"))
    assert course.headline(4.0) == "3 of 16 runs  1 error  1 timeout  about 52 s left"
    assert plan.runs[0][1] not in course.missing()


@pytest.mark.parametrize(("elapsed_s", "left"), [(60.0, "15 min 0 s"), (3600.0, "15 h 0 min")])
def test_the_time_that_is_left_is_that_of_the_runs_done_here(elapsed_s: float, left: str) -> None:
    plan = plan_of()
    course = Course(plan, {})
    course.take(done(plan, 0, 0))
    assert course.headline(elapsed_s) == f"1 of 16 runs  about {left} left"


def test_a_cell_that_has_enough_is_asked_for_no_more_though_seeds_come_in_any_order() -> None:
    plan = plan_of(UntilCi(0.5, "welfare"))
    course = Course(plan, {})
    orders = course.missing()
    assert next(orders) == plan.runs[0][0]
    for seed in (4, 2, 1, 3):
        course.take(done(plan, 0, seed))
        assert course.headline(0.0).startswith(f"{course.count} of at most 16 runs")
    course.take(done(plan, 0, 0))  # now the first five are there

    assert course.most == 13
    assert list(orders) == plan.runs[1]
    course.take(done(plan, 0, 5))  # was under way
    assert course.most == 13
