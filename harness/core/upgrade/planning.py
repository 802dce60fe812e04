"""In which order two models are asked: the same question of both, one right after the other."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from harness.core.canonical import digest
from harness.core.plan import Plan, Request, Round, make_plan, planned_requests
from harness.core.suite import Case, Target


def paired_plan(
    cases: Sequence[Case],
    base_cases: Sequence[Case],
    targets: Mapping[str, Target],
    *,
    samples: int,
    seed: str,
) -> Plan:
    """Plan `samples` replies a case from every target, so that whatever changes meanwhile weighs on both alike.

    The requests of one case and sample follow each other: both models and, where a task is in `base_cases` too,
    both prompts. Who comes first is drawn from `seed` for each case, and from then on alternates.
    """
    first = planned_requests(cases, targets, samples=samples, round_=Round.FIRST)
    other: dict[tuple[str, int], list[Request]] = {}
    for request in planned_requests(base_cases, targets, samples=samples, round_=Round.BASE_PROMPT):
        other.setdefault((request.case.id, request.sample), []).append(request)
    planned: list[Request] = []
    for (case, sample), together in groupby(first, key=lambda request: (request.case.id, request.sample)):
        turn = int(digest([seed, case])[:8], 16) + sample
        rounds = [list(together), other.get((case, sample), [])]
        for cells in reversed(rounds) if turn // 2 % 2 else rounds:
            planned += reversed(cells) if turn % 2 else cells
    return Plan(requests=tuple(planned))


def first_plan(
    cases: Sequence[Case],
    targets: Mapping[str, Target],
    *,
    samples: int,
    paired: bool = False,
    base_cases: Sequence[Case] = (),
    seed: str = "",
) -> Plan:
    """Plan what a run asks at first; see `paired_plan`, and `make_plan` for one that compares no two models."""
    if paired:
        return paired_plan(cases, base_cases, targets, samples=samples, seed=seed)
    return make_plan(cases, targets, samples=samples)
