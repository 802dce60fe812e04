"""A comparison of two sides, as text."""

from harness.core.detection.comparison import ComparisonResult, Difference
from harness.core.findings import Outcome
from harness.reporting.counting import many

_WORDS = {
    Outcome.REGRESSED: "WORSE",
    Outcome.IMPROVED: "better",
    Outcome.CHANGED: "DIFFERS",
    Outcome.STABLE: "same",
    Outcome.INCONCLUSIVE: "could not tell",
}


def render_text(result: ComparisonResult) -> str:
    """Render for a terminal of 80 columns."""
    lines = [result.headline, ""]
    for difference in result.differences:
        lines.append(f"{difference.title:<10} {_WORDS[difference.outcome]:<15} {_p(difference)}")
        lines.append(f"{'':<10} {difference.because}")
        if difference.worst:
            lines.append(f"{'':<10} most: {', '.join(difference.worst)}")
    lines.append("")
    for side, ids in (("reference", result.only_reference), ("candidate", result.only_candidate)):
        if ids:
            more = "…" if len(ids) > 3 else ""
            lines.append(
                f"only in the {side}, or asked otherwise: {many(len(ids), 'case')} ({', '.join(ids[:3])}{more})"
            )
    lines.append("p by sign flips over case means, Holm over the signals")
    lines.append(f"exit {result.exit_code}")
    return "\n".join(lines) + "\n"


def _p(difference: Difference) -> str:
    if difference.p_value is None:
        return ""
    return f"p {'< .001' if difference.p_value < 0.001 else f'= {difference.p_value:.3f}'}"
