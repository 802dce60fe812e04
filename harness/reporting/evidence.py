"""The evidence of one case: what was said before and now, what differs, and what was asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.batch import Sample
from harness.core.canonical import canonical_json, text_digest
from harness.core.findings import Finding
from harness.core.messages import ToolCall
from harness.core.replies import Answer, FinishReason
from harness.core.run import RunTarget
from harness.reporting.budget import PageBudget, html_bytes
from harness.reporting.counting import listed, many
from harness.reporting.diff import PhraseDiff, Segment, parse_structure, phrase_diff, structure_diff
from harness.reporting.escape import differ_unseen, one_line
from harness.reporting.marks import NIGHTS_IN_DETAIL, CaseEvidence, MarkedAnswer, grid_of
from harness.reporting.model import Detail, Excerpt, Mark, Prose, Said, Structure, TextPair
from harness.reporting.wording import chance, prose, signal_title, strong

OTHER_TEXT_BYTES = 2_000
OTHERS_SHOWN = 3
CALLS_SHOWN = 5
RAW_SHOWN = 6


def detail_of(
    evidence: CaseEvidence,
    findings: Sequence[Finding],
    target: RunTarget,
    samples: Sequence[Sample],
    budget: PageBudget,
) -> Detail:
    """Gather what a reader needs to decide on a case."""
    notes: list[str] = []
    reference = _groups(evidence.reference, Mark.HELD)
    candidate = _groups(evidence.candidate, Mark.FAILED, Mark.OTHER)
    first_reference = reference[0] if reference else None
    first_candidate = candidate[0] if candidate else None
    if evidence.reference and first_reference is None:
        notes.append("The baseline keeps digests only, so there is no text to compare with.")
    structures = list(_structures(first_reference, first_candidate, budget))
    reply = None
    if not any(structure.title == "Reply" for structure in structures):
        reply = _text_pair(first_reference, first_candidate, budget)
    others = (reference[1:], candidate[1:])
    grid = grid_of(evidence, NIGHTS_IN_DETAIL)
    notes += _notes(evidence, samples)
    return Detail(
        sure=tuple(_how_sure(findings[:8])),
        why_kept=one_line(evidence.case.purpose, 600),
        reply=reply,
        structures=tuple(structures),
        other_reference=tuple(_others(others[0], budget)),
        other_candidate=tuple(_others(others[1], budget)),
        others=_others_text(others[0], others[1]),
        request=tuple(
            Said(role=message.role.value, text=budget.excerpt(message.content, most=4_000))
            for message in evidence.case.messages[:12]
        ),
        tools=tuple(_tool_text(tool.name, tool.parameters) for tool in evidence.case.tools[:12]),
        params=one_line(
            ", ".join(f"{k} {canonical_json(v)}" for k, v in sorted(target.target.params.items())), 300
        ),
        raw=tuple(_raw(samples, budget)),
        notes=tuple(notes),
        nights=grid,
        marks=frozenset(mark for column in (*grid.reference, *grid.candidate) for mark in column.marks),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Answers whose measured text is the same."""

    answer: Answer
    count: int
    total: int
    spellings: int

    @property
    def times(self) -> str:
        return f"{self.count} of {self.total} say this" if self.total > 1 else "the only reply"


@dataclass(slots=True)
class _Pile:
    answer: Answer
    texts: set[str] = field(default_factory=set)
    count: int = 0
    wanted: bool = False


def _groups(side: Sequence[MarkedAnswer], *telling: Mark) -> list[_Group]:
    """Collapse equal answers; first those whose mark tells the story, then by how often they were said."""
    piles: dict[str, _Pile] = {}
    for said in side:
        if said.answer is None:
            continue
        pile = piles.setdefault(said.measures.digest, _Pile(said.answer))
        pile.count += 1
        pile.texts.add(text_digest(said.answer.text))
        pile.wanted = pile.wanted or said.mark in telling
    ordered = sorted(piles.values(), key=lambda pile: (not pile.wanted, -pile.count))
    return [
        _Group(answer=pile.answer, count=pile.count, total=len(side), spellings=len(pile.texts))
        for pile in ordered
    ]


def _how_sure(findings: Sequence[Finding]) -> Iterator[Prose]:
    """Say how rare each finding is, signals that are equally rare together."""
    alike: dict[tuple[int, int, str], list[str]] = {}
    for finding in findings:
        if finding.p_value is None:
            yield prose(one_line(finding.because, 600))
            continue
        often = chance(finding.p_value)
        alike.setdefault((finding.n_reference, finding.n_candidate, often), []).append(
            signal_title(finding.signal)
        )
    for (before, after, often), titles in alike.items():
        said = listed([titles[0], *(title.lower() for title in titles[1:])])
        yield prose(
            f"{said}: {many(before, 'reply', 'replies')} against {after}. "
            "Had nothing changed, they would differ this much ",
            strong(often),
            ".",
        )


def _text_pair(reference: _Group | None, candidate: _Group | None, budget: PageBudget) -> TextPair | None:
    if reference is None and candidate is None:
        return None
    before = reference.answer.text if reference else ""
    after = candidate.answer.text if candidate else ""
    hidden = reference is not None and candidate is not None and differ_unseen(before, after)
    shown = [
        budget.excerpt(group.answer.text, times=group.times, hidden=hidden) if group else None
        for group in (reference, candidate)
    ]
    note = ""
    if hidden:
        note = "These two differ only in characters that cannot be seen; they are written out here."
    elif reference is not None and candidate is not None and before == after:
        note = "Both sides mostly say the same."
    if shown[0] is None or shown[1] is None:
        text = (shown[0] or shown[1] or Excerpt(text="")).text
        return TextPair(
            diff=_one_sided(text, is_reference=shown[1] is None), reference=shown[0], candidate=shown[1]
        )
    diff = phrase_diff(shown[0].text, shown[1].text)
    if diff.coarse:
        note = f"{note} Too long or too different to compare word by word: the rest differs.".strip()
    return TextPair(diff=diff, reference=shown[0], candidate=shown[1], note=note)


def _one_sided(text: str, *, is_reference: bool) -> PhraseDiff:
    sides = (text, "") if is_reference else ("", text)
    return PhraseDiff(segments=(Segment(equal=False, reference=sides[0], candidate=sides[1]),), coarse=False)


def _structures(
    reference: _Group | None, candidate: _Group | None, budget: PageBudget
) -> Iterator[Structure]:
    if reference is None or candidate is None:
        return
    times = (reference.times, candidate.times)
    before, after = parse_structure(reference.answer.text), parse_structure(candidate.answer.text)
    if before is not None and after is not None:
        yield _structure("Reply", "JSON", before, after, times, budget)
    calls = (reference.answer.tool_calls, candidate.answer.tool_calls)
    for place in range(min(max(len(calls[0]), len(calls[1])), CALLS_SHOWN)):
        sides = [side[place] if place < len(side) else None for side in calls]
        names = list(dict.fromkeys(call.name for call in sides if call))
        title = "Tool call" if max(map(len, calls)) == 1 else f"Tool call {place + 1}"
        yield _structure(
            title,
            " → ".join(one_line(name, 80) for name in names),
            _call(sides[0]),
            _call(sides[1]),
            times,
            budget,
        )


def _call(call: ToolCall | None) -> Mapping[str, object]:
    if call is None:
        return {}
    arguments: Mapping[str, object] = (
        call.arguments if call.arguments is not None else {"arguments (not JSON)": call.raw}
    )
    return {"function": call.name, **arguments}


def _structure(
    title: str, caption: str, before: object, after: object, times: tuple[str, str], budget: PageBudget
) -> Structure:
    diff = structure_diff(before, after)
    budget.left -= sum(
        html_bytes(part) for row in diff.rows for part in (row.path, row.reference or "", row.candidate or "")
    )
    return Structure(
        title=title, caption=caption, diff=diff, reference_times=times[0], candidate_times=times[1]
    )


def _others(groups: Sequence[_Group], budget: PageBudget) -> Iterator[Excerpt]:
    for group in groups[:OTHERS_SHOWN]:
        said = group.answer.text or canonical_json(
            [[call.name, call.arguments] for call in group.answer.tool_calls]
        )
        yield budget.excerpt(said, most=OTHER_TEXT_BYTES, times=f"{group.count} of {group.total}")


def _others_text(reference: Sequence[_Group], candidate: Sequence[_Group]) -> str:
    said = [
        f"{len(groups):,} in the {side}"
        for groups, side in ((reference, "reference"), (candidate, "candidate"))
        if groups
    ]
    if not said:
        return ""
    left = sum(max(0, len(groups) - OTHERS_SHOWN) for groups in (reference, candidate))
    folded = f"; {many(left, 'more is', 'more are')} not shown" if left else ""
    return f"Other replies: {', '.join(said)}{folded}"


def _notes(evidence: CaseEvidence, samples: Sequence[Sample]) -> Iterator[str]:
    cut = sum(1 for s in evidence.candidate if s.answer and s.answer.finish_reason is FinishReason.LENGTH)
    if cut:
        yield f"{cut} of {many(len(evidence.candidate), 'reply', 'replies')} {evidence.now} stopped at the token limit."
    blocked = sum(
        1 for s in evidence.candidate if s.answer and s.answer.finish_reason is FinishReason.CONTENT_FILTER
    )
    if blocked:
        yield f"{blocked} of {many(len(evidence.candidate), 'reply', 'replies')} {evidence.now} were stopped by a content filter."
    empty = sum(1 for s in evidence.candidate if s.answer and not s.measures.text)
    if empty:
        yield f"{empty} of {many(len(evidence.candidate), 'reply', 'replies')} {evidence.now} are empty."
    for side, name in ((evidence.reference, "reference"), (evidence.candidate, "candidate")):
        spelled = sum(group.spellings - 1 for group in _groups(side) if group.spellings > 1)
        if spelled:
            yield f"In the {name}, {many(spelled, 'reply differs', 'replies differ')} from another only in characters that cannot be seen."
    refused = next((s.answer.refusal for s in samples if s.answer and s.answer.refusal), None)
    if refused:
        yield f"The provider's own refusal field says: {one_line(refused, 300)}"


def _tool_text(name: str, parameters: Mapping[str, object]) -> str:
    properties = parameters.get("properties")
    names = ", ".join(map(str, properties)) if isinstance(properties, Mapping) else ""
    return one_line(f"{name}({names})", 300)


def _raw(samples: Sequence[Sample], budget: PageBudget) -> Iterator[str]:
    for sample in samples[:RAW_SHOWN]:
        if sample.answer is not None:
            said = sample.answer.model_dump(
                mode="json", exclude={"text", "tool_calls", "logprobs", "type"}, exclude_defaults=True
            )
        elif sample.failure is not None:
            said = sample.failure.model_dump(mode="json", exclude_defaults=True)
        else:
            continue
        line = one_line(canonical_json({"sample": sample.number, "round": sample.round.value, **said}), 600)
        budget.left -= html_bytes(line)
        yield line
    left = len(samples) - RAW_SHOWN
    if left > 0:
        yield f"… and {left:,} more in the run's journal."
