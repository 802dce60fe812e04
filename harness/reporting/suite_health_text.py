"""What the cases of a suite have shown, on a terminal of 80 columns."""

from collections.abc import Iterator

from harness.core.suite_health import CaseHealth, SuiteHealth
from harness.reporting.counting import many
from harness.reporting.escape import columns, log_safe, one_line, wrap

WIDTH = 80
_CASE = 34
_NUMBERS = (6, 7, 8, 9, 8)


def suite_health_text(health: SuiteHealth) -> str:
    """Lay out what wants looking at, and a line a case below it."""
    return "\n".join(log_safe(line) for line in _lines(health))


def _lines(health: SuiteHealth) -> Iterator[str]:
    size = f"{many(len(health.cases), 'case')}, {many(health.nights, 'batch', 'batches')}"
    when = f" from {health.first} to {health.last}" if health.first else ""
    yield from wrap(f"{health.suite}  {size}{when}, {many(health.incidents, 'incident')}", WIDTH, indent="  ")
    for finding in health.findings:
        named = ", ".join(one_line(case, 64) for case in finding.cases)
        said = f"{finding.kind.value.upper()}  {named}: {finding.because}."
        yield from wrap(said, WIDTH, start="- ", indent="  ")
        yield from wrap(f"{finding.mend}.", WIDTH, start="  → ", indent="    ")
    for said in health.unmeasured:
        # What begins like a command of a CI runner grows when it is made harmless.
        yield from wrap(f"NOTE  {one_line(said)}", WIDTH - 8, indent="      ")
    if not health.nights:
        yield from wrap(
            "no run to judge by: `drift check SUITE --scheduled` makes nights",
            WIDTH,
            start="  ",
            indent="  ",
        )
        return
    if not health.findings:
        yield "  nothing wants looking at"
    yield ""
    yield _row("case", "nights", "answers", "broken", "incidents", "alone")
    for case in health.cases:
        yield from _case(case, health.incidents)


def _case(case: CaseHealth, incidents: int) -> Iterator[str]:
    different = f"{case.texts}/{case.answers}"
    broken = "-" if case.broken_nights is None else f"{case.broken_nights}/{case.nights}"
    share = f"{case.incidents}/{incidents}" if incidents else "-"
    name = one_line(case.case, 64)
    if columns(name) > _CASE:
        yield f"  {name}"
        name = ""
    yield _row(name, str(case.nights), different, broken, share, str(case.alone) if incidents else "-")


def _row(name: str, *numbers: str) -> str:
    cells = (number.rjust(width) for number, width in zip(numbers, _NUMBERS, strict=True))
    return f"  {name}{' ' * (_CASE - columns(name))}{' '.join(cells)}".rstrip()
