"""People's labels for `drift judge calibrate`: one JSON object a line, every error of every line at once."""

from collections.abc import Iterator
from pathlib import Path

from harness.core.judging.agreement import Label
from harness.edges.files.reading import read_text, shown_path, whole_file
from harness.edges.files.secrets import shown
from harness.edges.files.strict_json import parse_json_object
from harness.edges.files.validation import build
from harness.errors import DocumentError, Problem, ProblemCode

MOST_LABELS = 5_000


def read_labels(path: Path, *, root: Path) -> tuple[Label, ...]:
    """Read the labels in the file at `path`. Raises DocumentError with every problem, as `file:line:column`."""
    name = shown_path(path, root=root)
    lines = read_text(path, root=root).split("\n")
    written = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not written:
        raise whole_file(name, "holds no label: write one JSON object a line", ProblemCode.BAD_LABEL)
    if len(written) > MOST_LABELS:
        raise whole_file(
            name,
            f"holds {len(written):,} labels, at most {MOST_LABELS:,} are allowed: use fewer",
            ProblemCode.TOO_LARGE,
        )
    problems: list[Problem] = []
    labels: list[tuple[int, Label]] = []
    for number, line in written:
        if not line.lstrip().startswith("{"):
            message = "is not a JSON object: begin it with '{'"
            problems.append(
                Problem(file=name, line=number, column=1, message=message, code=ProblemCode.BAD_LABEL)
            )
            continue
        try:
            # Behind as many line ends as in the file, so that every place is right.
            document = parse_json_object("\n" * (number - 1) + line, file=name)
            labels.append((number, build(document, Label)))
        except DocumentError as error:
            problems.extend(error.problems)
    problems.extend(_twins(name, labels))
    if problems:
        raise DocumentError(tuple(problems))
    return tuple(label for _, label in labels)


def _twins(name: str, labels: list[tuple[int, Label]]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, label in labels:
        if first.setdefault(label.id, number) != number:
            message = f"the id {shown(label.id)} is that of line {first[label.id]}, too: rename one"
            yield Problem(file=name, line=number, column=1, message=message, code=ProblemCode.BAD_LABEL)
