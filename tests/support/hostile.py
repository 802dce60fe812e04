"""Texts that try to run, to hide, to break out, or to be too large."""

from harness.core.findings import Outcome
from harness.core.messages import Message, Role, ToolCall
from harness.core.replies import Answer, Failure, FailureKind
from harness.core.run import RunRecord
from harness.core.suite import CaseKind, ToolSpec
from harness.core.verdict import Covered, OpenIncident, Verdict
from tests.support.records import (
    Night,
    make_answer,
    make_case,
    make_failure,
    make_finding,
    make_reading,
    make_record,
    make_target_verdict,
    make_verdict,
)

HOSTILE = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "' onmouseover='window.hacked=1' x='",
    "</style><style>*{display:none}</style>",
    "</title></textarea></template></noscript><svg onload=window.hacked=1>",
    "<!-- --><iframe src='javascript:window.hacked=1'></iframe>",
    "]]><x/>",
    "{{ 7*7 }}{% for x in y %}",
    "javascript:window.hacked=1",
    "\u2028\u2029window.hacked=1//",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m",
    "\u202egnp.exe\u202c \u2066hidden\u2069 a\u200bb\ufeff",
    "\x00\x08\x7f\udc80",
    "::error file=x::gone\n::add-mask::y\n##[group]z\n##vso[task.complete]",
    "@everyone fixes #1, closes owner/repo#2, GH-3 https://example.org/x www.example.org",
    "````\n```\n~~~\n</details>",
    "| a | b |\n|---|---|\n**bold** _it_ [link](javascript:x) ![i](http://example.org/i.png)",
    "=cmd|' /C calc'!A0",
    "Unbroken" * 60,
)
LOOP = "I will say it again. " * 250_000
"""5 MB."""


def hostile_answers(case: str, target: str, night: int, sample: int) -> Answer | Failure:
    """Answer with everything at once; the last case loops."""
    place = int(case.rsplit("-", 1)[1])
    if night < 0 and place == 3 and sample == 2:
        return make_failure(FailureKind.MALFORMED, HOSTILE[(place * 3) % len(HOSTILE)])
    if place == 4:
        return make_answer(LOOP if night < 0 else LOOP[: len(LOOP) // 2] + "done" + LOOP[: len(LOOP) // 3])
    text = "\n".join(HOSTILE) + (f"\nchanged <b>{place}</b>" if night < 0 else "")
    calls = (ToolCall(name="<b>x</b>", arguments={"<k>": f"<v>{night < 0}", "\u202e": '"><script>'}),)
    return make_answer(
        text,
        tool_calls=calls if place == 1 else (),
        refusal="<script>window.hacked=1</script>" if place == 2 else None,
        model_served='<img src=x onerror="window.hacked=1">\u202e',
        system_fingerprint="<fp>\x1b[31m" if night < 0 else "<fp>",
    )


def hostile_night() -> tuple[RunRecord, Verdict]:
    """Build a night on which everything that a stranger can write is hostile."""
    cases = tuple(
        make_case(
            f"refusal-{place}",
            CaseKind.REFUSAL,
            why="</dd><script>window.hacked=1</script> \u202e " + HOSTILE[place],
            messages=(Message(role=Role.USER, content="\n".join(HOSTILE)),),
            tools=(ToolSpec(name="tool", parameters={"properties": {"</code><script>": {}}}),),
        )
        for place in range(5)
    )
    record = make_record(Night(cases=cases, answers=hostile_answers, nights=6))
    findings = tuple(
        make_finding(
            case.id, signal="string", outcome=Outcome.CHANGED, because=HOSTILE[place * 2] + HOSTILE[11]
        )
        for place, case in enumerate(cases)
    )
    target = make_target_verdict(
        record,
        outcome=Outcome.CHANGED,
        confirmed=True,
        findings=findings,
        readings=(
            make_reading('"><script>', Outcome.CHANGED, unit="<u>"),
            make_reading("string", Outcome.CHANGED),
        ),
        served=('<img src=x onerror="window.hacked=1">\u202e',),
        fingerprints=("<fp>\x1b[31m",),
        confounders=HOSTILE,
        failures=(("<b>kind</b>", 1),),
        incident=OpenIncident(
            id="canary-sonnet-20261101",
            opened="2026-11-01",
            signals=(HOSTILE[0],),
            quiet_nights=1,
            muted_until="2026-12-01",
            muted_because=" ".join(text for text in HOSTILE if text.isprintable())[-900:] + HOSTILE[14],
            muted_by=HOSTILE[2] + HOSTILE[12],
            covered=Covered(signals=("string",), cases=(), severity="P1"),
        ),
    )
    return record, make_verdict(
        record,
        target,
        headline=f"sonnet {HOSTILE[2]} \u2028 {HOSTILE[12]} {HOSTILE[-1][:120]}",
        run='r"><script>',
    )
