"""A configuration for a LiteLLM proxy that puts an advice into effect, to be applied by hand.

Who calls the proxy goes on asking for the target by its name: the name is an alias, and the line of the alias is what
changes. Written as YAML whose scalars are JSON, so that no text in it can be anything but text. Keys are only named,
as ``os.environ/NAME``, which LiteLLM reads from its own environment.
"""

import json
from collections.abc import Iterator, Mapping

from harness.core.response import Action, Advice
from harness.core.suite import Target
from harness.reporting.escape import one_line

AS_IS = "as-is"
PINNED = "pinned"
_OURS = ("simulated", "recorded")
_SIMULATOR = "http://127.0.0.1:8765/v1"


def litellm_config(name: str, advice: Advice, targets: Mapping[str, Target]) -> str:
    """Return the YAML text: a `model_list`, and `router_settings` with the alias and its fallbacks.

    `targets` holds `name` and, of a fail-over, the other one, as drift.yaml has them.
    """
    own = f"{name}-{AS_IS}"
    models: list[tuple[str, Target]] = [(own, targets[name])]
    leads = own
    if advice.action is Action.FAIL_OVER and advice.target is not None:
        leads = f"{advice.target}-{AS_IS}"
        models.append((leads, targets[advice.target]))
    elif advice.action is Action.ROLL_BACK and advice.model is not None:
        leads = f"{name}-{PINNED}"
        models.append((leads, _pinned(targets[name], advice.model)))
    others = [model for model, _ in models if model != leads]
    return "\n".join(_lines(name, advice, models, leads, others)) + "\n"


def _lines(
    name: str, advice: Advice, models: list[tuple[str, Target]], leads: str, others: list[str]
) -> Iterator[str]:
    yield f"# drift: {advice.action.value} ({advice.rule})."
    yield f"# {one_line(advice.because, 300)}"
    yield "# To be read and applied by a person; put this into the proxy's config.yaml, or merge it with what is there."
    yield f"# Callers go on asking for {json.dumps(name)}: the alias below says who answers. To go back, change its line."
    yield "model_list:"
    for model, target in models:
        yield f"  - model_name: {json.dumps(model)}"
        yield "    litellm_params:"
        for key, value in _params(target).items():
            yield f"      {key}: {json.dumps(value, ensure_ascii=True)}"
        if left := sorted(set(target.options) - {"api_version"}):
            yield f"      # not carried over from drift.yaml: options {', '.join(map(_plain, left))}"
    yield "router_settings:"
    yield "  model_group_alias:"
    yield f"    {json.dumps(name)}: {json.dumps(leads)}"
    yield "  num_retries: 2"
    if others:
        yield "  # Where who answers fails, and for that only, the drifted one does: drop this where no answer is better."
        yield f"  fallbacks: [{json.dumps({leads: others})}]"


def _params(target: Target) -> dict[str, object]:
    """Return what LiteLLM takes of a target; a model of drift's own simulator is asked through `drift simulate`."""
    provider, _, model = target.model.partition("/")
    ours = provider in _OURS
    found: dict[str, object] = {"model": f"openai/{model}" if ours or provider == "direct" else target.model}
    if target.key_env is not None:
        found["api_key"] = f"os.environ/{target.key_env}"
    elif ours:
        found["api_key"] = "os.environ/DRIFT_SIMULATOR_KEY"
    if target.api_base or ours:
        found["api_base"] = target.api_base or _SIMULATOR
    if isinstance(version := target.options.get("api_version"), str):
        found["api_version"] = version
    return found | {_plain(key): value for key, value in target.params.items() if key not in found}


def _pinned(target: Target, served: str) -> Target:
    prefix = target.model.rpartition("/")[0]
    return target.model_copy(update={"model": f"{prefix}/{served.rpartition('/')[2]}"})


def _plain(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else json.dumps(name)
