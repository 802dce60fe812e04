"""What a run is to do, settled before the first call."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.batch import Baseline
from harness.core.plan import Plan, make_plan
from harness.core.policy import Policy
from harness.core.run import Manifest, RunKind, RunTarget
from harness.core.suite import Price, Suite, Target
from harness.errors import UsageError
from harness.flows.check import CheckJob
from harness.ports import BaselineStore, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What somebody asked for."""

    run: str
    kind: RunKind
    suite: Suite
    targets: Mapping[str, Target]
    samples: int
    night: str
    scheduled: bool
    started_at: str
    policy: Policy
    encoder: str
    encoder_name: str
    versions: Mapping[str, str]
    commit: str | None
    confirm: bool = True

    @property
    def confirms(self) -> bool:
        """Say whether what strays is asked again."""
        return self.confirm and self.policy.confirm


def plan_order(order: RunOrder) -> Plan:
    """Plan the first round."""
    return make_plan(order.suite.cases, order.targets, samples=order.samples)


def load_references(order: RunOrder, baselines: BaselineStore) -> dict[str, Baseline]:
    """Load what every target is compared with. Raises DamagedRecord."""
    found = {}
    for name, target in order.targets.items():
        baseline = baselines.load(order.suite.name, target.baseline_of or name)
        if baseline is not None:
            found[name] = baseline
    return found


def make_job(
    order: RunOrder,
    references: Mapping[str, Baseline],
    providers: Mapping[str, Provider],
    estimate_usd: float | None,
) -> CheckJob:
    """Write down what the run sets out to do."""
    manifest = Manifest(
        run=order.run,
        kind=order.kind,
        suite=order.suite,
        targets=tuple(
            RunTarget(
                name=name,
                target=target,
                baseline_of=target.baseline_of or name,
                provider=providers[name].traits.name,
                provider_version=providers[name].traits.version,
                latency_at_transport=providers[name].traits.latency_at_transport,
            )
            for name, target in order.targets.items()
        ),
        samples=order.samples,
        night=order.night,
        scheduled=order.scheduled,
        started_at=order.started_at,
        plan=plan_order(order).digest,
        encoder=order.encoder,
        encoder_name=order.encoder_name,
        policy=order.policy,
        commit=order.commit,
        versions=order.versions,
        estimate_usd=estimate_usd,
        confirm=order.confirm,
    )
    return CheckJob(
        manifest=manifest,
        references=references,
        stale=unreadable_references(order.encoder, references),
        measure=order.kind is RunKind.CHECK,
    )


def unreadable_references(encoder: str, references: Mapping[str, Baseline]) -> dict[str, str]:
    """Name the targets whose baseline keeps digests only and was measured by another encoder than `encoder`."""
    return {
        name: (
            f"The baseline keeps digests only and was measured with {baseline.encoder}; its replies cannot be "
            f"encoded again with {encoder}. Calibrate anew, or go back to that encoder."
        )
        for name, baseline in references.items()
        if baseline.encoder != encoder
        and any(sample.answer is None for case in baseline.cases.values() for sample in case.samples)
    }


def check_resumable(manifest: Manifest, order: RunOrder) -> None:
    """Refuse to resume a run whose plan or encoder is another one now. Raises UsageError."""
    if manifest.plan != plan_order(order).digest:
        raise UsageError(
            f"run {manifest.run} asked other questions: its cases, targets, parameters or samples have changed "
            "since; start a new run"
        )
    if manifest.encoder != order.encoder:
        raise UsageError(
            f"run {manifest.run} began with the encoder {manifest.encoder}, and {order.encoder} is configured now; "
            "go back to that encoder, or start a new run"
        )


def prices(targets: Mapping[str, Target], providers: Mapping[str, Provider]) -> dict[str, Price | None]:
    """Return the price of every target: the configured one, else the provider's; None is unknown, not zero."""
    free = Price(input_usd_per_million=0, output_usd_per_million=0)
    return {
        name: target.price or (providers[name].price(target) if providers[name].traits.costs else free)
        for name, target in targets.items()
    }


def usual_output_tokens(references: Mapping[str, Baseline]) -> dict[str, dict[str, float]]:
    """Return the mean output tokens of every target's cases, from their baselines."""
    usual: dict[str, dict[str, float]] = {}
    for name, baseline in references.items():
        for case_id, case in baseline.cases.items():
            counts = [
                s.answer.usage.output_tokens
                for s in case.samples
                if s.answer and s.answer.usage.output_tokens
            ]
            if counts:
                usual.setdefault(name, {})[case_id] = sum(counts) / len(counts)
    return usual
