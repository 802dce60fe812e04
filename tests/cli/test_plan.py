"""What a run would cost is said exactly, and before anything slow begins."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Drift, edit

HEAVY = ("litellm", "openai", "torch", "sentence_transformers")
PROGRAM = """\
import sys
from harness.cli.app import run
code = run(sys.argv[1:])
sys.stderr.write("\\nMODULES " + str(code) + " " + " ".join(m for m in {heavy!r} if m in sys.modules))
"""
HOSTED = "  hosted: {model: openai/gpt-4o-mini, params: {temperature: 0, max_tokens: 512}"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("check", "--plan"), 0, "at most"),
        (("check", "--max-cost", "0"), 2, "over the cap"),
    ],
)
@pytest.mark.parametrize("price", ["", ", price: {input_usd_per_million: 1, output_usd_per_million: 2}"])
def test_the_price_is_known_before_anything_slow_is_imported(
    new_project: Path, arguments: tuple[str, ...], code: int, said: str, price: str
) -> None:
    edit(new_project / "drift.yaml", "  fresh:", f"{HOSTED}{price}}}\n  fresh:")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PROGRAM.format(heavy=HEAVY),
            "-C",
            str(new_project),
            *arguments,
            "--target",
            "hosted",
        ],
        env={**os.environ, "OPENAI_API_KEY": "not-a-real-key"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == f"MODULES {code} "
    assert said in done.stdout + done.stderr
    assert "plan   10 cases x 1 target" in done.stderr


def test_a_plan_that_nothing_confirms_counts_once(project: Path, drift: Drift) -> None:
    twice = json.loads(drift("--json", "check", "--plan", "--target", "priced").out)
    once = json.loads(drift("--json", "check", "--plan", "--target", "priced", "--no-confirm").out)
    assert (twice["confirm_calls"], once["confirm_calls"]) == (36, 0)
    assert once["with_confirmation_usd"] == once["expected_usd"] == twice["expected_usd"]
    assert once["worst_usd"] == pytest.approx(twice["worst_usd"] / 2)
    said = drift("check", "--plan", "--target", "priced", "--no-confirm")
    assert "to confirm" not in said.err
    assert "with a confirmation" not in said.out
    cap = 1.5 * once["expected_usd"]
    assert (
        drift("check", "--target", "priced", "--max-cost", cap, "--plan", "--no-confirm").out.count("cap")
        == 0
    )
    assert "would not start" in drift("check", "--target", "priced", "--max-cost", cap, "--plan").out


def test_a_calibration_is_never_confirmed(new_project: Path, drift: Drift) -> None:
    done = drift("calibrate", "canary", "--target", "fresh")
    assert "36 calls   free" in done.err


def test_a_guess_is_called_a_guess(project: Path, drift: Drift) -> None:
    known = drift("check", "--plan", "--target", "priced")
    assert "guess" not in known.err + known.out
    edit(project / "drift.yaml", "    baseline_of: steady\n  keyed", "  keyed")
    blind = drift("check", "--plan", "--target", "priced")
    assert "the length of the replies is a guess" in blind.err
    assert json.loads(drift("--json", "check", "--plan", "--target", "priced").out)["guessed_calls"] == 36
    some = drift("check", "--plan", "--target", "priced", "--target", "steady")
    assert "36 calls is a guess" in some.err
