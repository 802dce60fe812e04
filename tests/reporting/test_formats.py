"""All formats render one verdict, and none says anything else."""

import json
import subprocess
import sys

import pytest

from harness.core.findings import Outcome
from harness.core.verdict import Verdict
from harness.errors import UsageError
from harness.reporting import FORMATS
from tests.support.hostile import hostile_night
from tests.support.records import (
    Night,
    drift_record,
    drift_verdict,
    make_record,
    make_target_verdict,
    make_verdict,
    outage_record,
    outage_verdict,
)


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_format_renders_every_kind_of_night(name: str) -> None:
    render = FORMATS.load(name)
    drift, outage, empty = drift_record(), outage_record(), make_record(Night(nights=0, finished=False))
    for record, verdict in ((drift, drift_verdict(drift)), (outage, outage_verdict(outage)), hostile_night()):
        said = render(record, verdict)
        assert said.endswith("\n")
        assert said == render(record, verdict)
        said.encode("utf-8")
    assert render(
        empty, make_verdict(empty, make_target_verdict(empty, outcome=Outcome.INCONCLUSIVE, readings=()))
    )
    assert render(empty, make_verdict(empty).model_copy(update={"targets": ()}))


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'html'"):
        FORMATS.load("htlm")


def test_json_holds_the_whole_verdict_and_the_exit_code() -> None:
    record = drift_record()
    verdict = drift_verdict(record)
    said = json.loads(FORMATS.load("json")(record, verdict))
    assert (said["schema_version"], said["outcome"], said["exit_code"]) == (1, "regressed", 1)
    kept = {name: value for name, value in said.items() if name in Verdict.model_fields}
    assert Verdict.model_validate(kept) == verdict


def test_json_is_sorted_and_has_no_invisible_character() -> None:
    record, verdict = hostile_night()
    text = FORMATS.load("json")(record, verdict)
    assert text == text.encode("utf-8").decode()
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert "\u202e" not in text
    assert "\u2028" not in text
    keys = list(json.loads(text))
    assert keys == sorted(keys)


def test_formats_agree_on_the_exit_code() -> None:
    for record, verdict, code in (
        ((r := drift_record()), drift_verdict(r), 1),
        ((o := outage_record()), outage_verdict(o), 3),
        ((q := make_record()), make_verdict(q), 0),
    ):
        assert json.loads(FORMATS.load("json")(record, verdict))["exit_code"] == code
        assert f"exit {code}" in FORMATS.load("html")(record, verdict)
        assert f"exit {code}." in FORMATS.load("markdown")(record, verdict)


def test_only_the_page_imports_jinja() -> None:
    program = (
        "import sys; from harness.reporting import FORMATS\n"
        "for name in ('text', 'json', 'markdown'): FORMATS.load(name)\n"
        "print('jinja2' in sys.modules, 'litellm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
