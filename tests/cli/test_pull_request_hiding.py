"""Pull requests that hide what they break, and a baseline that is damaged already."""

from collections.abc import Mapping

import pytest

from harness.core.batch import Acceptance, CaseBaseline
from harness.core.canonical import text_digest
from harness.core.replies import Answer
from harness.edges.stores.baselines import FileBaselineStore
from tests.cli.conftest import Done, Drift
from tests.cli.pull_requests import NO_EXCEPTIONS, Check, Project, accept, on_main
from tests.cli.pull_requests import check as check
from tests.cli.pull_requests import project as project


class TestHiddenRegressions:
    """What an author can write into the own pull request to hide what it breaks."""

    LATE = "support-refund-late"
    TASK = f"golden/{LATE}.yaml"
    AT = "2026-12-21T10:00:00+00:00"

    def bring(self, project: Project, cases: Mapping[str, CaseBaseline], incident: str | None = None) -> None:
        """Write a baseline as the product would, signed by whoever."""
        store = FileBaselineStore(
            project.root / "baselines", lock=project.root / ".drift" / "lock", redact=str
        )
        known = store.load("golden", "steady")
        assert known is not None
        signed = Acceptance(
            at=self.AT,
            by="The Boss",
            reason="More runs of the same.",
            cases=tuple(cases),
            runs=("20261221T100000Z-golden-beef",),
            verdict="stable",
            shown="0" * 64,
            incident=incident,
        )
        changed = {
            "cases": {**known.cases, **cases},
            "acceptances": (*known.acceptances, signed),
        }
        store.save(known.model_copy(update=changed))

    def invented(self, project: Project, runs: int, **fields: object) -> CaseBaseline:
        """The task's baseline with so many runs more, whose answers are what somebody wrote."""
        store = FileBaselineStore(
            project.root / "baselines", lock=project.root / ".drift" / "lock", redact=str
        )
        baseline = store.load("golden", "steady")
        assert baseline is not None
        known = baseline.cases[self.LATE]
        made = []
        for number in range(runs):
            line = known.samples[number % len(known.samples)]
            assert line.answer is not None
            answer = Answer.model_validate({**line.answer.model_dump(), **fields})
            digest = text_digest(answer.measured_text)
            made.append(
                line.model_copy(
                    update={"run": "forged", "sample": number, "answer": answer, "text_digest": digest}
                )
            )
        return known.model_copy(update={"samples": (*known.samples, *made)})

    def told(self, done: Done) -> str:
        return " ".join((done.out + done.err).split())

    def test_fewer_rules_do_not_hide_what_the_merge_bases_rules_are_asked_too_seldom(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        on_main(
            project,
            (self.TASK, "severity: block", "samples: 1\nseverity: block"),
            (self.TASK, "always: true", ""),
        )
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        path = project.root / self.TASK
        head, _, tail = path.read_text(encoding="utf-8").partition("expect:\n")
        path.write_text(f"{head}{tail[tail.index('rubric:') :]}", encoding="utf-8")
        assert (check().code, self.regressed_by_base(project)) == (1, [self.LATE])
        accept(project, drift)
        done = check()
        assert (done.code, self.regressed_by_base(project)) == (0, [self.LATE])
        assert f"by the merge base's a regression in {self.LATE}" in self.told(done)

    @staticmethod
    def regressed_by_base(project: Project) -> object:
        found = project.target()["under_base"]
        assert isinstance(found, dict)
        return found["regressed"]

    def test_a_space_in_the_question_does_not_hide_a_broken_prompt(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.edit(self.TASK, "I just don't like it.", "I just don't like it. ")
        project.drop_line("prompts/support.md", NO_EXCEPTIONS)
        done = check()
        assert (done.code, "no longer asks what the merge base asks" in self.told(done)) == (1, True)
        accept(project, drift)
        done = check()
        changes = {change["case"]: change["would_be"] for change in project.target()["accepted"]}
        assert (done.code, changes[self.LATE]) == (0, "regressed")
        assert "the merge base's question was not asked" in self.told(done)
        assert "by the merge base's a pass" not in self.told(done)

    def test_a_typo_in_a_question_can_be_mended_with_a_reason(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        project.edit(self.TASK, "I just don't like it.", "I just do not like it.")
        assert check().code == 1
        accept(project, drift, self.LATE, reason="A typo in the question.")
        done = check()
        assert (done.code, project.problems()) == (0, [])
        assert "ACCEPTED CHANGE" in done.out

    def test_invented_runs_of_the_same_do_not_come_back(self, project: Project, check: Check) -> None:
        usage = {"input_tokens": 10, "output_tokens": 100_000}
        self.bring(project, {self.LATE: self.invented(project, 200, latency_ms=900_000.0, usage=usage)})
        assert (check().code, project.problems()) == (4, ["unexplained_baseline"])
        project.git("checkout", "-q", "--", "baselines")
        self.bring(project, {self.LATE: self.invented(project, 12, latency_ms=900_000.0, usage=usage)})
        assert (check().code, project.problems()) == (4, ["not_reproduced"])

    def test_runs_that_were_really_added_are_an_accepted_change(
        self, project: Project, check: Check, drift: Drift
    ) -> None:
        assert drift("calibrate", "golden", "--samples", "3").code == 0
        done = check()
        assert (done.code, {change["added"] for change in project.target()["accepted"]}) == (0, {3})
        assert "3 runs added to its baseline" in self.told(done)

    def test_an_invented_incident_explains_no_failing_baseline(self, project: Project, check: Check) -> None:
        known = self.invented(project, 8, text='{"decision": "approve"}')
        lines = (*known.samples[:4], *known.samples[12:])
        self.bring(project, {self.LATE: known.model_copy(update={"samples": lines})}, incident="20261101-x")
        assert (check().code, project.problems()) == (4, ["not_reproduced"])

    def test_a_signature_for_nothing_is_refused(self, project: Project, check: Check) -> None:
        self.bring(project, {self.LATE: self.invented(project, 0)})
        assert (check().code, project.problems()) == (4, ["unexplained_baseline"])


class TestDamagedMergeBase:
    """A baseline that is damaged where everybody starts from."""

    PATH = "baselines/golden/steady/support-refund-late.jsonl"

    @pytest.fixture
    def damaged(self, project: Project) -> Project:
        project.git("switch", "-q", "main")
        project.edit(self.PATH, "deny", "approve")
        project.commit("Edited by hand.")
        project.git("switch", "-qC", "change")
        return project

    def repair(self, project: Project) -> None:
        project.git("checkout", "-q", "main~1", "--", "baselines")
        project.commit("As it was.")

    def test_it_is_said_where_it_is_and_how_to_mend_it(self, damaged: Project, check: Check) -> None:
        damaged.drop_line("prompts/support.md", NO_EXCEPTIONS)
        base = damaged.git("rev-parse", "main")
        done = check()
        assert (done.code, self.PATH in done.err, base[:12] in done.err) == (4, True, True)
        assert ("--trust-head" in done.err, "drift-" in done.err) == (True, False)

    def test_the_pull_request_that_repairs_it_can_be_checked(self, damaged: Project, check: Check) -> None:
        self.repair(damaged)
        assert check().code == 4
        done = check("--trust-head")
        assert done.code == 0, done.err

    def test_a_repair_hides_no_regression(self, damaged: Project, check: Check) -> None:
        self.repair(damaged)
        damaged.drop_line("prompts/support.md", NO_EXCEPTIONS)
        assert check("--trust-head").code == 1
