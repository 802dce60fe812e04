"""LiteLLM's price map, read without importing LiteLLM."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from harness.core.suite import Price

_FILE = "model_prices_and_context_window_backup.json"
_PER_MILLION = 1_000_000


def find_price(model: str) -> Price | None:
    """Return what LiteLLM's map says a ``provider/model`` costs, None where it does not know.

    The map's key is the whole name or, for the large providers, the name without its provider, whose
    entry then names the provider.
    """
    provider, _, bare = model.partition("/")
    entry = _price_map().get(model)
    if entry is None:
        entry = _price_map().get(bare, {})
        if not _belongs(entry.get("litellm_provider"), provider):
            return None
    input_usd, output_usd = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if not isinstance(input_usd, int | float) or not isinstance(output_usd, int | float):
        return None
    if not (input_usd or output_usd):
        return None  # the map's way of not knowing
    return Price(
        input_usd_per_million=input_usd * _PER_MILLION, output_usd_per_million=output_usd * _PER_MILLION
    )


# These have several names in the map, one for each of the APIs behind them.
_FAMILIES = ("vertex_ai", "bedrock", "fireworks_ai")


def _belongs(named: object, provider: str) -> bool:
    return named == provider or (
        provider in _FAMILIES and isinstance(named, str) and named.startswith(provider)
    )


@cache
def _price_map() -> Mapping[str, Mapping[str, object]]:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    found: object = json.loads((Path(spec.origin).parent / _FILE).read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}
