"""Figures for Prometheus: as text for node_exporter's textfile collector, or pushed to a gateway. Extra `metrics`."""

import re
from collections.abc import Callable, Iterable, Sequence
from urllib.error import URLError
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, generate_latest, push_to_gateway
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import default_handler

from harness.core.gauges import Family, Kind
from harness.edges.redaction import Redactor
from harness.edges.sinks.github_address import is_this_machine
from harness.errors import MissingKey, NotDelivered, one_line

JOB = "drift"
TIMEOUT_S = 30.0
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def exposition(families: Sequence[Family]) -> str:
    """Return the figures in Prometheus's text format."""
    text: str = generate_latest(_registry(families)).decode()
    return text


def push(families: Sequence[Family], url: str, variable: str, redact: Callable[[str], str]) -> None:
    """Replace what a gateway holds of the job `drift`. Raises SetupError for no address, NotDelivered where it fails."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or (parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host))):
        raise MissingKey(f"{variable} holds no address of a gateway; https only, or this machine")
    hidden = Redactor({variable: url})
    try:
        push_to_gateway(
            url, job=JOB, registry=_registry(families), timeout=TIMEOUT_S, handler=default_handler
        )
    except (URLError, OSError, ValueError) as error:
        said = one_line(redact(hidden.redact_values(str(error))))
        raise NotDelivered(f"{variable}: the gateway did not take the figures ({said[:200]})") from None


class _Figures:
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            made: Metric
            if family.kind is Kind.COUNTER:
                made = counter = CounterMetricFamily(family.name, family.help, labels=family.labels)
                for labels, value in family.values:
                    counter.add_metric([_shown(label) for label in labels], value)
            else:
                made = gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
                for labels, value in family.values:
                    gauge.add_metric([_shown(label) for label in labels], value)
            yield made


def _registry(families: Sequence[Family]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(families))
    return registry


def _shown(label: str) -> str:
    return _UNSEEN.sub("?", label)[:200]
