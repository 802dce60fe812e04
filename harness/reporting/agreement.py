"""How far a judge agrees with people, as text."""

from collections.abc import Iterator

from harness.core.judging.agreement import Agreement, Graded, Kappa
from harness.core.judging.records import Judged
from harness.reporting.counting import many
from harness.reporting.escape import log_safe, one_line

LEAST_TRUSTED_KAPPA = 0.4
"""Below it, agreement is fair at best (Landis and Koch 1977, "The measurement of observer agreement")."""
_SHOWN = 5


def agreement_text(judge: str, found: Agreement, judged: Judged) -> str:
    """Return all of it, ready to print; `judge` is its name and model."""
    lines = [f"judge {judge}: {_counts(found)}", *_table(found), *_pairs(judged), _anchors(judged)]
    if judged.void is not None:
        lines.append(f"VOID   {one_line(judged.void)}")
    lines.extend(_disagreements(found))
    lines.append(_advice(found, judged))
    return log_safe("\n".join(lines))


def _counts(found: Agreement) -> str:
    said = f"{many(found.labels, 'label')}, {found.compared} compared"
    if found.no_verdict:
        said += f", {found.no_verdict} without a verdict"
    if found.no_content:
        said += f", {found.no_content} without content, which no judge sees"
    return said


def _table(found: Agreement) -> Iterator[str]:
    if not found.compared:
        return
    agreed = found.both_pass + found.both_fail
    yield f"               judge passes   judge fails   (from {found.pass_mark:g} points)"
    yield f"people pass    {found.both_pass:>12}   {found.only_people_pass:>11}"
    yield f"people fail    {found.only_judge_passes:>12}   {found.both_fail:>11}"
    yield f"agree on {agreed} of {found.compared} ({agreed / found.compared:.0%})   {_kappa(found.kappa)}"
    if found.graded is not None:
        yield _graded(found.graded)


def _kappa(kappa: Kappa | None) -> str:
    if kappa is None:
        return "kappa cannot be told: all fall on one side"
    return f"Cohen's kappa {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}, 95 %)"


def _graded(graded: Graded) -> str:
    kappa = "weighted kappa cannot be told: all fall into one band"
    if graded.kappa is not None:
        kappa = f"weighted kappa {graded.kappa.value:.2f} ({graded.kappa.low:.2f} to {graded.kappa.high:.2f}, 95 %)"
    bias = abs(graded.mean_difference)
    leaning = "lenient" if graded.mean_difference > 0 else "strict"
    return (
        f"{many(graded.n, 'score')} of people: {kappa}; "
        f"{bias:.0f} points more {leaning} on average, {graded.mean_distance:.0f} off"
    )


def _pairs(judged: Judged) -> Iterator[str]:
    bias = judged.position_bias
    if bias.pairs:
        yield f"the order of the answers decided {bias.by_order} of {many(bias.pairs, 'pair')}: those count as ties"


def _anchors(judged: Judged) -> str:
    in_place = sum(anchor.in_place is True for anchor in judged.anchors)
    return f"anchors {in_place} of {len(judged.anchors)} in place"


def _disagreements(found: Agreement) -> Iterator[str]:
    for one in found.disagreements[:_SHOWN]:
        label = f"{one.label} points" if isinstance(one.label, int) else one.label
        yield f"  {one_line(one.id)}: people {label}, judge {one.score:g}: {one_line(one.rationale or '')}"
    left = found.only_people_pass + found.only_judge_passes - _SHOWN
    if left > 0:
        yield f"  and {left} more, see --json"


def _advice(found: Agreement, judged: Judged) -> str:
    if judged.void is not None:
        return "These figures do not count: mend the judge, or name another, and calibrate again."
    if found.kappa is None:
        return "Label answers of both kinds: good ones and bad ones."
    if found.kappa.low >= LEAST_TRUSTED_KAPPA:
        return "It agrees with people well enough to be listened to. It is never the only gate."
    if found.kappa.high < LEAST_TRUSTED_KAPPA:
        return "It does not agree with people: make the rubrics plainer, or name another judge."
    return "Too few labels to tell whether it agrees with people: label more, about 50 of each kind."
