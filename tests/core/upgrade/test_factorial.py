"""Old and new prompt on old and new model: what each explains of the change."""

import pytest

from harness.core.decision import decide
from harness.core.upgrade_records import Factorial
from tests.support.upgrades import held, task, upgrade_record


def replay(
    new: tuple[int, int], old: tuple[int, int], *, tasks: int = 4, lost: bool = False
) -> tuple[Factorial, int]:
    """Replay tasks that hold so often on (old model, new model), under the new and under the old prompt."""
    cases = [task(f"task-{n}") for n in range(tasks)]
    sides = {case.id: (held(new[0]), held(new[1])) for case in cases}
    base = {
        case.id: (held(old[0]), held(old[1], lost=8 if lost and n == 0 else 0))
        for n, case in enumerate(cases)
    }
    verdict = decide(upgrade_record(sides, cases=cases, base=base, base_cases=cases))
    (target,) = verdict.targets
    assert target.upgrade is not None
    assert target.upgrade.factorial is not None
    return target.upgrade.factorial, verdict.exit_code


def test_what_the_model_does_is_the_models() -> None:
    found, _ = replay(new=(8, 4), old=(8, 4))
    assert found.total == pytest.approx(-0.5)
    assert found.model_share == pytest.approx(-0.5)
    assert found.prompt_share == pytest.approx(0.0)
    assert "the model explains −50 and the prompt 0" in found.sentence
    assert "no interaction" in found.sentence


def test_what_the_prompt_does_is_the_prompts() -> None:
    found, _ = replay(new=(4, 4), old=(8, 8))
    assert (found.model_share, found.prompt_share) == (pytest.approx(0.0), pytest.approx(-0.5))


def test_a_prompt_that_suits_only_the_old_model_is_an_interaction() -> None:
    found, _ = replay(new=(8, 0), old=(8, 8))
    effect = {one.name: one for one in found.effects}
    assert effect["interaction"].effect == pytest.approx(-1.0)
    assert effect["interaction"].high < 0
    assert "the new prompt suits the new model worse than the old one by 100" in found.sentence


@pytest.mark.parametrize("new", [(8, 4), (3, 7), (0, 8)])
@pytest.mark.parametrize("old", [(8, 8), (5, 2)])
def test_the_shares_add_up_to_the_whole_change(new: tuple[int, int], old: tuple[int, int]) -> None:
    found, _ = replay(new=new, old=old)
    assert found.model_share is not None
    assert found.prompt_share is not None
    assert found.total == pytest.approx(found.model_share + found.prompt_share)
    assert found.total == pytest.approx((new[1] - old[0]) / 8)


def test_intervals_hold_the_effect_and_narrow_with_more_tasks() -> None:
    few, many = (replay(new=(8, 5), old=(7, 5), tasks=n)[0].effects[0] for n in (2, 20))
    for one in (few, many):
        assert one.low < one.effect < one.high
    assert many.high - many.low < few.high - few.low


def test_a_cell_without_an_answer_is_left_out_and_never_a_pass() -> None:
    found, code = replay(new=(8, 8), old=(8, 8), lost=True)
    assert (found.tasks, found.left_out) == (3, 1)
    assert code == 3


def test_nobody_asked_for_a_replay() -> None:
    verdict = decide(upgrade_record({"task": (held(8), held(8))}, cases=[task("task")]))
    assert verdict.targets[0].upgrade is not None
    assert verdict.targets[0].upgrade.factorial is None
