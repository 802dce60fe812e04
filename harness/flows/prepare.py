"""What a run is to do, settled before the first call."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.batch import Baseline
from harness.core.canonical import canonical_json
from harness.core.plan import FurtherRounds, Plan
from harness.core.policy import Policy
from harness.core.run import JudgeSetup, Manifest, PullRequest, RunKind, RunTarget
from harness.core.shard import Shard, shard_cases
from harness.core.suite import Case, Price, Suite, Target
from harness.core.upgrade.planning import first_plan
from harness.core.upgrade_records import UpgradeSides
from harness.errors import OtherRun
from harness.flows.check import CheckJob
from harness.ports import BaselineStore, Provider

_SHARE_THAT_FAILS = 0.25
"""Of the tasks, for an estimate; most pull requests break none."""


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
    escalate_to: int | None = None
    """Of a golden suite: so many runs of a task before it is called broken."""
    base_cases: tuple[Case, ...] = ()
    """Of a pull request: the tasks as the merge base has them."""
    pull: PullRequest | None = None
    judge: JudgeSetup | None = None
    upgrade: UpgradeSides | None = None
    """The two sides, where two targets are compared."""
    shard: Shard | None = None
    """The part of the cases that is asked."""

    @property
    def confirms(self) -> bool:
        """Say whether what strays is asked again."""
        return self.confirm and self.policy.confirm

    @property
    def asked(self) -> Mapping[str, Target]:
        """Everybody who is asked anything: the targets, and who judges them."""
        return self.targets if self.judge is None else {**self.targets, self.judge.name: self.judge.target}

    @property
    def further(self) -> FurtherRounds:
        """Say what may follow the first round: a confirmation, or what escalates and the merge base's prompts."""
        if self.upgrade is not None:
            return FurtherRounds(most=0, expected=0)
        if not self.suite.golden:
            again = 1.0 if self.confirms else 0.0
            return FurtherRounds(most=again, expected=again)
        to = self.escalate_to or self.samples
        most = (max(0, to - self.samples) + (to if self.base_cases else 0)) / self.samples
        return FurtherRounds(most=most, expected=most * _SHARE_THAT_FAILS)


def plan_order(order: RunOrder) -> Plan:
    """Plan the first round, of all shards together."""
    return _plan(order, None)


def plan_shard(order: RunOrder) -> Plan:
    """Plan what this run asks of the first round: all of it, unless it is a shard."""
    return _plan(order, order.shard)


def _plan(order: RunOrder, shard: Shard | None) -> Plan:
    return first_plan(
        shard_cases(order.suite.cases, shard),
        order.targets,
        samples=order.samples,
        paired=order.upgrade is not None,
        base_cases=order.base_cases,
        seed=order.run,
    )


def load_references(order: RunOrder, baselines: BaselineStore) -> dict[str, Baseline]:
    """Load what every target is compared with: of two side by side, none. Raises DamagedRecord."""
    found: dict[str, Baseline] = {}
    if order.upgrade is not None:
        return found
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
        escalate_to=order.escalate_to,
        base_cases=order.base_cases,
        pull=order.pull,
        judge=order.judge,
        upgrade=order.upgrade,
        shard=order.shard,
    )
    return CheckJob(
        manifest=manifest,
        references=references,
        stale=unreadable_references(order.encoder, references),
        measure=order.kind is not RunKind.CALIBRATE,
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
    """Refuse to resume a run that would go on as another one: who is asked, what, and with which encoder.

    A run's folder may have come with a branch. Raises UsageError.
    """
    if (manifest.upgrade is None) != (order.upgrade is None):
        raise OtherRun(f"run {manifest.run} was not made by this command; go on with: {manifest.resumed_by}")
    if manifest.pull is not None and order.pull is None:
        raise OtherRun(f"run {manifest.run} checks a pull request; go on with: {manifest.resumed_by}")
    if _pull_request(manifest) != _pull_request(order):
        raise OtherRun(
            f"run {manifest.run} checked something else: the merge base, --trust-head or what the pull request changes "
            "is another now; start a new run"
        )
    if manifest.shard != order.shard:
        began = f"the shard {manifest.shard.name}" if manifest.shard is not None else "no shard"
        raise OtherRun(f"run {manifest.run} is {began}; go on with: {manifest.resumed_by}")
    if manifest.plan != plan_order(order).digest:
        raise OtherRun(
            f"run {manifest.run} asked other questions: its cases, targets, parameters or samples have changed "
            "since; start a new run"
        )
    for target in manifest.targets:
        if not _asks_the_same(target.target, order.targets.get(target.name)):
            raise OtherRun(
                f"run {manifest.run} asked another '{target.name}' than drift.yaml defines now; start a new run"
            )
    if not _judged_alike(manifest.judge, order.judge):
        raise OtherRun(
            f"run {manifest.run} began with another judge than drift.yaml defines now; start a new run"
        )
    if manifest.encoder != order.encoder:
        raise OtherRun(
            f"run {manifest.run} began with the encoder {manifest.encoder}, and {order.encoder} is configured now; "
            "go back to that encoder, or start a new run"
        )


def _pull_request(run: Manifest | RunOrder) -> str:
    """Return what a run on a pull request has of the merge base; the branch's name may be another.

    Of a comparison of two targets, the two sides.
    """
    pull = run.pull.model_dump(mode="json", exclude={"ref"}) if run.pull is not None else None
    sides = run.upgrade.model_dump(mode="json", exclude={"prices"}) if run.upgrade is not None else None
    return canonical_json([pull, sides, [case.model_dump(mode="json") for case in run.base_cases]])


def _asks_the_same(began: Target, now: Target | None) -> bool:
    """Say whether a target sends the same to the same endpoint; a key may be named where there was none."""
    if now is None:
        return False
    paid = {"price"} if began.secret_names() else {"price", "key_env", "env"}
    return began.model_dump(mode="json", exclude=paid) == now.model_dump(mode="json", exclude=paid)


def _judged_alike(began: JudgeSetup | None, now: JudgeSetup | None) -> bool:
    if began is None or now is None:
        return began is now
    return _asks_the_same(began.target, now.target) and began == now.model_copy(
        update={"target": began.target}
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
