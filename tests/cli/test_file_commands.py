"""`drift validate`, `drift schema`, `drift init`: the files that people write."""

import json
import os
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.scaffold import scaffold_files
from tests.cli.conftest import ROOT, Drift, edit, files_of, runs_of

LISTED = ("config", "case", "policy")


def test_right_files_are_counted(new_project: Path, drift: Drift) -> None:
    done = drift("validate")
    assert (done.code, done.out) == (0, "11 files are right\n")


def test_every_error_of_every_file_is_said_at_its_place(new_project: Path, drift: Drift) -> None:
    canaries = new_project / "canaries"
    edit(canaries / "tool-weather.yaml", "id: tool-weather\n", "id: tool-wether\ntreshold: 3\n")
    with (canaries / "edge-near-empty.yaml").open("a", encoding="utf-8") as file:
        file.write("signals: [refusla]\nowner: no\n")
    (canaries / "new-case.yaml").write_text("id: [\n", encoding="utf-8")
    (canaries / "tool-weather.yml").write_bytes((canaries / "tool-move-meeting.yaml").read_bytes())
    edit(new_project / "drift.yaml", "samples: 3", "sampels: 3")
    done = drift("validate")
    lines = done.err.splitlines()
    assert done.code == 2
    assert lines == sorted(lines)
    for start, said in (
        ("drift.yaml:", "unknown key 'sampels', did you mean 'samples'?"),
        ("canaries/edge-near-empty.yaml:", "'no'"),
        ("canaries/new-case.yaml:", ""),
        ("canaries/tool-weather.yaml:2:1:", "unknown key 'treshold'"),
        ("canaries/tool-weather.yml: ", "the case is in 'tool-weather.yaml', too"),
    ):
        assert any(line.startswith(start) and said in line for line in lines), (start, done.err)
    located = [line for line in lines if not line.startswith("canaries/tool-weather.yml: ")]
    assert all(line.split(": ")[0].count(":") == 2 for line in located), done.err


def test_at_most_twenty_are_said_and_the_rest_is_counted(new_project: Path, drift: Drift) -> None:
    for number in range(25):
        (new_project / "canaries" / f"bad-{number}.yaml").write_text("id: [\n", encoding="utf-8")
    lines = drift("validate").err.splitlines()
    assert len(lines) == 21
    assert "and 5 more" in lines[-1]


def test_names_in_the_configuration_that_stand_for_nothing_are_found_without_a_call(
    new_project: Path, drift: Drift
) -> None:
    config = new_project / "drift.yaml"
    edit(config, "{name: hashed}", "{name: hashd}")
    edit(config, "steady: {model: simulated/steady,", "steady: {model: simulated/stedy,")
    edit(config, "rate: 0.3,", "raet: 0.3,")
    for command in (("validate",), ("check", "canary"), ("baseline", "list")):
        done = drift(*command)
        assert done.code == 2
        assert "drift.yaml:" in done.err
        for said in (
            "'hashd', did you mean 'hashed'?",
            "'stedy', did you mean 'steady'?",
            "did you mean 'rate'?",
        ):
            assert said in done.err
    assert not runs_of(new_project)


def test_single_files_and_folders_can_be_named(new_project: Path, drift: Drift) -> None:
    assert drift("validate", "canaries/tool-weather.yaml").out == "2 files are right\n"
    assert drift("validate", "canaries").out == "11 files are right\n"
    (new_project / "canaries" / "bad.yaml").write_text("id: [\n", encoding="utf-8")
    assert drift("validate", "canaries/tool-weather.yaml").code == 0
    assert drift("validate", "canaries/bad.yaml").code == 2
    missing = drift("validate", "canaries/none.yaml")
    assert (missing.code, "none.yaml is not there" in missing.err) == (2, True)


def test_an_empty_suite_is_an_error(new_project: Path, drift: Drift) -> None:
    (new_project / "empty").mkdir()
    edit(new_project / "drift.yaml", "path: canaries/", "path: empty/")
    done = drift("validate")
    assert (done.code, "empty: no case here" in done.err) == (2, True)


def test_the_configuration_can_be_named(new_project: Path, drift: Drift) -> None:
    (new_project / "drift.yaml").rename(new_project / "other.yaml")
    assert drift("validate").code == 2
    assert drift("--config", "other.yaml", "validate").code == 0
    assert "other2.yaml" in drift("--config", "other2.yaml", "validate").err


def test_the_nearest_configuration_upwards_is_read(new_project: Path, drift: Drift) -> None:
    assert drift("baseline", "verify", folder=new_project / "canaries" / "tools").code == 0


def test_schemas_are_listed_and_are_valid(tmp_path: Path, drift: Drift) -> None:
    assert drift("schema", folder=tmp_path).out.split() == list(LISTED)
    for kind in LISTED:
        schema = json.loads(drift("schema", kind, folder=tmp_path).out)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)
    done = drift("schema", "cas", folder=tmp_path)
    assert (done.code, "did you mean 'case'?" in done.err) == (2, True)


def test_the_files_of_a_new_project_satisfy_the_schemas(tmp_path: Path, drift: Drift) -> None:
    schemas = {kind: json.loads(drift("schema", kind, folder=tmp_path).out) for kind in LISTED}
    for name, text in scaffold_files().items():
        folder = name.partition("/")[0]
        kind = "config" if name == "drift.yaml" else "case" if folder in ("canaries", "golden") else None
        if kind is not None and name.endswith(".yaml"):
            errors = [
                error.message
                for error in Draft202012Validator(schemas[kind]).iter_errors(yaml.safe_load(text))
            ]
            assert not errors, (name, errors)
    wrong = Draft202012Validator(schemas["case"])
    assert not wrong.is_valid({"id": "a", "kind": "nosuch"})


def test_the_scaffold_holds_the_repositorys_own_canaries() -> None:
    shipped = files_of(ROOT / "harness" / "scaffold" / "files" / "canaries")
    assert shipped == files_of(ROOT / "canaries")


def test_the_scaffold_holds_two_of_the_repositorys_own_tasks_and_their_prompt() -> None:
    for folder, count in (("golden", 2), ("prompts", 1)):
        shipped = files_of(ROOT / "harness" / "scaffold" / "files" / folder)
        assert shipped.items() <= files_of(ROOT / folder).items()
        assert len([name for name in shipped if "/" not in name]) == count


def test_what_init_writes_runs_at_once(tmp_path: Path, drift: Drift) -> None:
    done = drift("init", "new project", folder=tmp_path)
    root = tmp_path / "new project"
    assert done.code == 0
    assert f"-C '{root}' check canary" in done.out
    assert set(files_of(root)) == {*scaffold_files(), *(f".drift/schema/{kind}.json" for kind in LISTED)}
    assert drift("validate", folder=root).code == 0
    assert drift("doctor", folder=root).code == 0
    run = drift("check", "canary", "--case", "tool-*", folder=root)
    assert (run.code, "LEARNING" in run.out) == (0, True)
    status = files_of(root)
    assert ".gitignore" in status
    assert b"reports" in status[".gitignore"]


def test_init_never_overwrites(tmp_path: Path, drift: Drift) -> None:
    root = tmp_path / "project"
    drift("init", root, folder=tmp_path)
    (root / "drift.yaml").write_text("mine\n", encoding="utf-8")
    (root / "canaries" / "tool-weather.yaml").unlink()
    before = files_of(root)
    done = drift("init", root, folder=tmp_path)
    assert done.code == 0
    assert "kept drift.yaml" in done.err
    after = files_of(root)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"canaries/tool-weather.yaml"}


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_init_into_a_file_is_a_mistake_of_the_command_line(tmp_path: Path, drift: Drift, place: str) -> None:
    (tmp_path / "file").write_text("here first\n", encoding="utf-8")
    done = drift("init", place, folder=tmp_path)
    assert done.code == 2
    assert "is not a folder" in done.err
    assert files_of(tmp_path) == {"file": b"here first\n"}


@pytest.mark.parametrize("kind", ["pipe", "loop", "device", "kernel", "a" * 5000])
def test_a_path_on_the_command_line_that_is_no_file_is_refused_and_not_waited_for(
    new_project: Path, drift: Drift, kind: str
) -> None:
    os.mkfifo(new_project / "pipe")
    os.symlink("loop", new_project / "loop")
    named = {"device": "/dev/zero", "kernel": "/proc/kmsg"}.get(kind, kind)
    for command in (("validate", named), ("--config", named, "validate")):
        done = drift(*command)
        assert (done.code, done.out) == (2, ""), command
        assert done.err
