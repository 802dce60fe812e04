"""Prompt files as they stood at two commits, read from git's own objects."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.suite import Case, Prompt
from harness.core.upgrade_records import PromptRefs
from harness.edges.files.reading import refuse_unreadable
from harness.edges.git import Blobs, open_repository
from harness.edges.templates import render_prompt
from harness.errors import DocumentError, Problem, ProblemCode, UnknownCommit, one_line

_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that Git LFS has not fetched."""


def resolve_refs(root: Path, reference: str, candidate: str) -> PromptRefs:
    """Find the commits that two refs name. Raises UsageError, SetupError."""
    repository = open_repository(root)
    return PromptRefs(
        reference=one_line(reference)[:80],
        reference_commit=repository.commit(reference),
        candidate=one_line(candidate)[:80],
        candidate_commit=repository.commit(candidate),
    )


def with_prompts(
    root: Path, cases: Sequence[Case], refs: PromptRefs
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Return the cases with the candidate ref's prompts, and with the reference's those whose prompt is another.

    What a task asks, expects and puts into its prompt is today's. A prompt is held to what one in the checkout is:
    a plain file, UTF-8, a template under the allow-list. Raises DocumentError; UsageError where a commit has not
    got a prompt, or none differs.
    """
    repository = open_repository(root)
    paths = sorted({case.prompt.path for case in cases if case.prompt is not None})
    before = _texts(repository.read_files(refs.reference_commit, paths), paths, refs.reference)
    after = _texts(repository.read_files(refs.candidate_commit, paths), paths, refs.candidate)
    if all(before[path] == after[path] for path in paths):
        raise UnknownCommit(
            f"no golden task's prompt differs between {refs.reference} and {refs.candidate}, so there is nothing to "
            "replay; name two commits that do, or leave --prompts out"
        )
    return (
        tuple(_put_in(case, after, refs.candidate) for case in cases),
        tuple(
            _put_in(case, before, refs.reference)
            for case in cases
            if case.prompt is not None and before[case.prompt.path] != after[case.prompt.path]
        ),
    )


def _texts(blobs: Blobs, paths: Sequence[str], ref: str) -> Mapping[str, str]:
    found = {}
    for path in paths:
        name = f"{path} at {ref}"
        if path in blobs.refused or any(path.startswith(f"{place}/") for place in blobs.refused):
            raise _problem(name, "is a link or a submodule: put the file itself there", ProblemCode.LINK)
        if path not in blobs.files:
            raise UnknownCommit(
                f"{one_line(path)} is not there at {ref}; name a commit that has it, or leave --prompts out"
            )
        content = blobs.files[path]
        if content.startswith(_POINTER):
            raise _problem(name, "is a pointer of Git LFS: git holds no text of it", ProblemCode.UNREADABLE)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _problem(name, "is not UTF-8: save it as UTF-8", ProblemCode.ENCODING) from error
        refuse_unreadable(text, file=name)
        found[path] = text
    return found


def _put_in(case: Case, texts: Mapping[str, str], ref: str) -> Case:
    if case.prompt is None:
        return case
    path, variables = case.prompt.path, dict(case.input.vars) if case.input is not None else {}
    rendered = render_prompt(texts[path], variables, file=f"{path} at {ref}")
    return case.model_copy(update={"prompt": Prompt(path=path, text=texts[path], rendered=rendered)})


def _problem(file: str, message: str, code: ProblemCode) -> DocumentError:
    return DocumentError((Problem(file=file, message=message, code=code),))
