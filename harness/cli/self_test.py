"""What `drift calibrate --aa` does: says how often a gate would cry wolf, and what it could see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.cli.nights import nights_before
from harness.cli.session import Session
from harness.core.canonical import canonical_json
from harness.core.run import RunTarget
from harness.core.self_test import SelfTest
from harness.errors import HarnessError, MeasurementError, MissingBaseline, RecordError
from harness.flows.nights import newest_quiet_nights
from harness.flows.self_test import Gate, OwnNights, keep_self_test, own_nights, tested_against_itself
from harness.ports import Encoder, Vectors
from harness.reporting.self_test import self_test_text
from harness.wiring import Workshop


def run_self_test(
    session: Session, workshop: Workshop, suite: str, targets: Sequence[str], *, last: int | None
) -> int:
    """Test every target's gate against its own nights, offline; `last` takes nights that ran, too.

    Return 0, or 4 where a baseline is missing, or 3 where nights are too few; the others are still tested.
    """
    found: list[dict[str, object]] = []
    codes = {0}
    for name in dict.fromkeys(targets):
        try:
            gate = _gate(workshop, suite, name)
            result = _tested(session, workshop, gate, last)
        except (RecordError, MeasurementError) as error:
            session.warn(str(error))
            codes.add(error.exit_code)
            continue
        written = keep_self_test(workshop.baselines, gate, result)
        found.append({"suite": suite, "target": name, "written": written, **_facts(result)})
        if not session.json:
            session.put(self_test_text(gate.name, suite, result))
            if written:
                session.put("Kept beside the baseline: review and commit baselines/.")
    if session.json:
        session.put(canonical_json(found))
    return max(codes)


def _facts(result: SelfTest) -> dict[str, object]:
    return {**result.model_dump(mode="json"), "exceeds": result.exceeds, "within": result.within}


def _gate(workshop: Workshop, suite: str, name: str) -> Gate:
    config = workshop.project.config
    target = config.targets[name]
    owner = target.baseline_of or name
    baseline = workshop.baselines.load(suite, owner)
    if baseline is None:
        raise MissingBaseline(
            f"nothing was accepted for {suite}/{owner}; `drift calibrate {suite} --target {owner}` gathers it"
        )
    return Gate(
        suite=suite,
        target=RunTarget(
            name=owner, target=config.targets[owner], baseline_of=owner, provider="", provider_version=""
        ),
        cases=workshop.suite(suite).cases,
        policy=config.decision_policy(),
        baseline=baseline,
    )


def _tested(session: Session, workshop: Workshop, gate: Gate, last: int | None) -> SelfTest:
    ran = []
    if last is not None:
        ran = newest_quiet_nights(
            nights_before(session, workshop, gate.suite, gate.target.name), gate.target.name, last
        )
    nights = own_nights(gate, ran)
    return tested_against_itself(gate, nights, _vectors(session, workshop, nights))


def _vectors(session: Session, workshop: Workshop, nights: OwnNights) -> Mapping[str, Vectors]:
    texts = nights.texts()
    if not texts:
        return {}
    try:
        encoder = workshop.encoder()
        if workshop.project.config.encoder.kind == "litellm":
            encoder = _Kept(encoder)
        return workshop.vectors(encoder).vectors(texts, encoder)
    except HarnessError as error:
        session.warn(f"note: the embedding is not tested: {error}")
        return {}


@dataclass(frozen=True, slots=True)
class _Kept:
    """Stands for an encoder that would have to ask somebody."""

    asks: Encoder

    @property
    def digest(self) -> str:
        """Return whose vectors are looked up."""
        return self.asks.digest

    def prepare(self) -> None:
        """Prepare nothing."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise MeasurementError(
            f"{len(texts)} texts have no vector yet, and --aa makes no calls; the next night encodes them"
        )
