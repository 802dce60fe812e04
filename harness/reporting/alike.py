"""Whether two targets answer alike, on a terminal of 80 columns."""

from collections.abc import Iterator

from harness.core.alike import AgreementResult, Alike
from harness.reporting.counting import many
from harness.reporting.escape import log_safe, one_line, wrap

WIDTH = 77
"""Breaking up what a CI log would take for a command may cost three columns more."""


def alike_text(result: AgreementResult) -> str:
    """Lay out every case, those that disagree first."""
    return "\n".join(log_safe(line) for line in _lines(result))


def _lines(result: AgreementResult) -> Iterator[str]:
    counts = {word: sum(case.says is word for case in result.cases) for word in Alike}
    said = ", ".join(f"{count} {word.value}" for word, count in counts.items() if count)
    sides = f"{one_line(result.reference, 64)} and {one_line(result.candidate, 64)}"
    yield from wrap(
        f"{sides} on {many(len(result.cases), 'case')}: {said or 'nothing asked'}", WIDTH, indent="  "
    )
    order = list(Alike)
    for case in sorted(result.cases, key=lambda one: (order.index(one.says), one.case)):
        yield from wrap(
            f"{case.says.value.upper()} {case.case} ({case.n_reference} and {case.n_candidate} replies)",
            WIDTH,
            indent="  ",
        )
        if not case.aspects:
            yield from wrap("too few replies came back", WIDTH, start="  ", indent="    ")
        for aspect in case.aspects:
            p = f", p {aspect.p_value:.2g}" if aspect.p_value is not None else ""
            text = f"{aspect.what}: {aspect.says.value}: {one_line(aspect.because, 400)}{p}"
            yield from wrap(text, WIDTH, start="  ", indent="    ")
