"""`drift compare`: any two runs, recordings or baselines, offline."""

from typing import Annotated

import typer

from harness.cli.opening import open_project
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.detection.comparison import Sides, compare_sides
from harness.core.measures import Vectors
from harness.core.sides import Side, make_comparison, pair_sides, texts_of
from harness.core.signals import all_signals
from harness.reporting.comparison import render_text
from harness.wiring import Workshop
from harness.wiring.sources import read_side

SEED = 20230613


def compare(
    ctx: typer.Context,
    reference: Annotated[
        str, typer.Argument(help="A run, FILE.jsonl, FILE.jsonl?field=value, or baseline:REF.")
    ],
    candidate: Annotated[str, typer.Argument(help="The other side.")],
    suite: Annotated[
        str | None, typer.Option("--suite", help="Grade both sides by this suite's rules.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Which target, where a side has several.")
    ] = None,
) -> int:
    """Compare any two runs or recordings, offline. Says "differs", never "drift"."""
    session: Session = ctx.obj
    workshop = open_project(session)
    sides = [
        read_side(workshop, source, folder=session.folder, suite=suite, target=target)
        for source in (reference, candidate)
    ]
    ruler = {case.id: case for case in workshop.suite(suite).cases} if suite else None
    pairing = pair_sides(sides[0], sides[1], ruler)
    vectors, note = _vectors(workshop, sides[0], sides[1], texts_of(sides, pairing))
    if note:
        session.say(note)
    result = compare_sides(
        all_signals(),
        make_comparison(sides[0], sides[1], pairing, vectors),
        Sides(
            reference=sides[0].name,
            candidate=sides[1].name,
            only_reference=pairing.only_reference,
            only_candidate=pairing.only_candidate,
        ),
        seed=SEED,
    )
    if session.json:
        session.put(canonical_json({**result.model_dump(mode="json"), "exit_code": result.exit_code}))
    else:
        session.put(render_text(result))
    return result.exit_code


def _vectors(workshop: Workshop, one: Side, other: Side, texts: dict[str, str]) -> tuple[Vectors, str]:
    """Use the vectors that both runs kept, if one encoder made them; else the built-in encoder's.

    Offline means without torch, too: a real encoder is not loaded here.
    """
    held = {**one.vectors, **other.vectors}
    alike = one.encoder is not None and one.encoder == other.encoder
    # Of one length, because a run from elsewhere may claim any encoder.
    if alike and texts.keys() <= held.keys() and len({vector.shape for vector in held.values()}) <= 1:
        return held, ""
    encoder = workshop.builtin_encoder()
    vectors = workshop.vectors(encoder).vectors(texts, encoder)
    same = {one.encoder, other.encoder} <= {encoder.digest, None}
    return (
        vectors,
        ""
        if same
        else f"note: both sides were encoded anew with {encoder.digest}, so that they can be compared",
    )
