"""Which models are kin: a judge scores the answers of its own family too well.

Panickssery et al., "LLM Evaluators Recognize and Favor Their Own Generations", arXiv 2404.13076.
"""

import re
from collections.abc import Mapping

from harness.core.suite import Target

# A model distilled into another's weights is kin to both.
_NAMES: Mapping[str, re.Pattern[str]] = {
    family: re.compile(rf"(?<![a-z0-9])(?:{names})", re.IGNORECASE)
    for family, names in {
        "openai": r"(?:chat)?gpt|o[134](?=$|[-.:@])|codex|davinci",
        "anthropic": r"claude",
        "google": r"gemini|gemma|palm|bison",
        "meta": r"llama",
        "mistral": r"mistral|mixtral|codestral|magistral|ministral|devstral|pixtral",
        "qwen": r"qwen|qwq|qvq",
        "deepseek": r"deepseek",
        "cohere": r"command-|c4ai|aya-",
        "xai": r"grok",
        "amazon": r"amazon\.|nova-|titan-",
        "microsoft": r"phi-?\d|mai-ds|wizardlm",
        "nvidia": r"nemotron",
        "zhipu": r"(?:chat)?glm",
        "moonshot": r"kimi|moonshot",
        "ai21": r"jamba",
        "ibm": r"granite",
        "minimax": r"minimax|abab",
        "simulated judge": r"simulated/judge",
        "simulated": r"simulated/(?!judge)",
    }.items()
}
_VENDORS: Mapping[str, str] = {
    "openai": "openai",
    "azure": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "xai": "xai",
    "moonshot": "moonshot",
    "ai21": "ai21",
    "zai": "zhipu",
}
"""Who serves, as a rule, only models of their own: for names that tell nothing, such as a deployment's."""


def families(model: str) -> frozenset[str]:
    """Return the families that a model, named as in `drift.yaml`, tells of; none where it tells of none."""
    provider, _, name = model.partition("/")
    told = frozenset(
        family for family, names in _NAMES.items() if names.search(model if provider == "simulated" else name)
    )
    return told or frozenset({_VENDORS[provider]} if provider in _VENDORS else ())


def same_family(model_a: str, model_b: str) -> bool:
    """Say whether two models are kin, as far as their names tell.

    Names that tell of no family are kin where they begin with the same word: `my-tune-7b` and `my-tune-70b`.
    """
    known_a, known_b = families(model_a), families(model_b)
    if known_a or known_b:
        return bool(known_a & known_b)
    return _first_word(model_a) == _first_word(model_b)


def kin_of_judge(judge: Target, targets: Mapping[str, Target]) -> tuple[str, ...]:
    """Name the targets that are of the judge's own family."""
    return tuple(name for name, target in targets.items() if same_family(judge.model, target.model))


def _first_word(model: str) -> str:
    name = model.rpartition("/")[2].casefold()
    found = re.match(r"[^\W\d_]+", name)
    return found[0] if found else name
