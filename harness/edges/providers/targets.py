"""What a provider reads out of a target: its secrets, its headers, the settings it knows."""

from collections.abc import Collection, Mapping

from harness.core.suite import Target
from harness.errors import BadTarget, SetupError
from harness.registry import did_you_mean


class MissingKeyError(SetupError):
    """A variable that should hold a target's key is not set."""


def find_secrets(target: Target, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every variable that the target names. Raises MissingKeyError."""
    found = {name: environment.get(name, "").strip() for name in target.secret_names()}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise MissingKeyError(
            f"{target.model}: set the environment variable {' and '.join(missing)}; it holds the key"
        )
    return found


def find_gateway_fields(target: Target) -> Mapping[str, object]:
    """Return what a LiteLLM gateway is told: answer from the model asked for, once, and not from a cache."""
    if not (target.options.get("gateway") or target.model.startswith("litellm_proxy/")):
        return {}
    return {"disable_fallbacks": True, "num_retries": 0, "cache": {"no-cache": True, "no-store": True}}


def find_headers(target: Target) -> dict[str, str]:
    """Return the headers that the target's options add."""
    headers = target.options.get("headers")
    return {name: str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}


def find_extra_body(target: Target) -> Mapping[str, object]:
    """Return the fields that the target's options add to the body, such as `top_k` for vLLM."""
    extra = target.options.get("extra_body")
    return extra if isinstance(extra, Mapping) else {}


def check_settings(target: Target, *, options: Collection[str], refused_params: Collection[str]) -> None:
    """Raise SetupError where a target says what its provider does not know or must not be told."""
    for name in target.options:
        if name not in options:
            raise BadTarget(f"{target.model}: unknown option '{name}'{did_you_mean(name, tuple(options))}")
    for name in target.params:
        if name in refused_params:
            raise BadTarget(f"{target.model}: the parameter '{name}' is decided by drift; delete it")


def inner_status(error: object) -> int | None:
    """Return the HTTP status that an error inside a response with status 200 speaks of."""
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and 400 <= code < 600 else None
