from harness.core.golden.affected import Changed, Repointed, Watched, affected_by, concerns, is_named_by
from harness.core.suite import Case, Prompt, Suite
from tests.support.golden import graded_task
from tests.support.tasks import PROMPT

WATCHED = Watched(suite="golden", baselines="baselines/golden", globs=("shared/**",))
OTHER = Prompt(path="prompts/review.md", text="Review.", rendered="Review.")
BASE = (graded_task("refund"), graded_task("invoice"), graded_task("review", prompt=OTHER))


def suite(*cases: Case) -> Suite:
    return Suite(name="golden", cases=cases)


def edited(case: Case, prompt: Prompt) -> Case:
    return case.model_copy(update={"prompt": prompt})


def changed(*paths: str, gone: tuple[str, ...] = ()) -> Changed:
    return Changed(paths=paths, gone=frozenset(gone))


def asked(paths: list[str], *head: Case, base: Suite | None = None, gone: tuple[str, ...] = ()) -> list[str]:
    found = affected_by(changed(*paths, gone=gone), suite(*(head or BASE)), base or suite(*BASE), WATCHED)
    return [case.id for case in found.cases]


def test_a_changed_prompt_file_asks_the_tasks_that_use_it() -> None:
    new = PROMPT.model_copy(update={"text": "New.", "rendered": "New."})
    head = (edited(BASE[0], new), edited(BASE[1], new), BASE[2])
    assert asked([PROMPT.path], *head) == ["refund", "invoice"]


def test_a_prompt_file_with_another_name_asks_nothing() -> None:
    moved = PROMPT.model_copy(update={"path": "prompts/help.md"})
    head = (edited(BASE[0], moved), edited(BASE[1], moved), BASE[2])
    assert asked(["prompts/help.md", PROMPT.path], *head, gone=(PROMPT.path,)) == []


def test_a_file_that_has_nothing_to_do_with_the_suite_asks_nothing() -> None:
    assert asked(["README.md", "src/app.py"]) == []


def test_a_new_task_and_a_changed_one_are_asked() -> None:
    head = (BASE[0], graded_task("invoice", always=True), BASE[2], graded_task("new"))
    assert asked(["golden/invoice.yaml", "golden/new.yaml"], *head) == ["invoice", "new"]


def test_a_changed_baseline_asks_its_tasks() -> None:
    paths = [f"baselines/golden/steady/{name}" for name in ("refund.jsonl", "identity.json")]
    assert asked(paths) == ["refund"]


def test_a_baseline_whose_tasks_are_not_named_asks_all() -> None:
    assert asked(["baselines/golden/steady/identity.json"]) == ["refund", "invoice", "review"]


def test_a_file_that_the_globs_name_asks_all() -> None:
    assert asked(["shared/policy.md"]) == ["refund", "invoice", "review"]


def test_a_task_that_is_gone_is_told() -> None:
    found = affected_by(changed("golden/review.yaml"), suite(*BASE[:2]), suite(*BASE), WATCHED)
    assert (found.deleted, found.cases, found.untouched) == (("review",), (), 2)


def test_without_a_suite_at_the_merge_base_every_task_is_new() -> None:
    found = affected_by(changed("golden/refund.yaml"), suite(*BASE), None, WATCHED)
    assert ([case.id for case in found.cases], found.base_cases) == (["refund", "invoice", "review"], ())


def test_a_task_that_names_a_copy_while_its_prompt_file_changed_is_asked_and_told() -> None:
    copy = PROMPT.model_copy(update={"path": "prompts/copy.md"})
    head = (edited(BASE[0], copy), *BASE[1:])
    found = affected_by(changed("prompts/copy.md", PROMPT.path), suite(*head), suite(*BASE), WATCHED)
    assert [case.id for case in found.cases] == ["refund"]
    assert found.repointed == (Repointed(case="refund", before=PROMPT.path, now="prompts/copy.md"),)


def test_a_task_that_names_a_copy_leaves_the_original_to_nobody() -> None:
    copy = PROMPT.model_copy(update={"path": "prompts/copy.md"})
    head = suite(edited(BASE[0], copy), *BASE[1:])
    found = affected_by(changed("prompts/copy.md"), head, suite(*BASE), WATCHED)
    assert found.repointed == (Repointed(case=BASE[0].id, before=PROMPT.path, now="prompts/copy.md"),)


def test_another_spelling_of_the_same_file_is_no_other_file() -> None:
    same = PROMPT.model_copy(update={"path": f"./{PROMPT.path}"})
    found = affected_by(changed(PROMPT.path), suite(edited(BASE[0], same)), suite(BASE[0]), WATCHED)
    assert (found.repointed, found.files) == ((), (PROMPT.path,))


def test_a_file_that_no_head_task_names_any_more_and_the_globs_do_asks_all() -> None:
    watched = Watched(suite="golden", baselines="baselines/golden", globs=("prompts/**",))
    head = suite(*(edited(case, OTHER) for case in BASE))
    for gone, names in (((), 3), ((PROMPT.path,), 2)):
        found = affected_by(changed(PROMPT.path, gone=gone), head, suite(*BASE), watched)
        assert len(found.cases) == names


def test_a_number_that_is_written_otherwise_is_another_question() -> None:
    def with_age(value: object) -> Case:
        return Case.model_validate(
            {
                **BASE[0].model_dump(mode="json"),
                "input": {"vars": {"age": value}, "turns": [{"user": "Hello."}]},
            }
        )

    for before, now in ((9, 9.0), (1, True)):
        assert asked(["golden/refund.yaml"], with_age(now), base=suite(with_age(before))) == ["refund"]
        assert asked(["golden/refund.yaml"], with_age(now), base=suite(with_age(now))) == []


def test_a_submodule_or_a_link_in_the_place_of_the_suite_has_to_do_with_it() -> None:
    found = affected_by(changed("golden"), suite(*BASE), suite(*BASE), WATCHED)
    assert found.files == ("golden",)


def test_a_glob_names_files_and_what_is_in_a_folder() -> None:
    assert is_named_by("prompts/a.md", "prompts")
    assert is_named_by("prompts/deep/a.md", "prompts/**")
    assert not is_named_by("promptsy/a.md", "prompts")


def test_what_lies_on_the_way_to_a_place_has_to_do_with_it() -> None:
    assert concerns("prompts", "prompts/support.md")
    assert concerns("golden/deep/a.yaml", "golden")
    assert not concerns("prompts/sup", "prompts/support.md")
    assert not concerns("golden2/a.yaml", "golden")
