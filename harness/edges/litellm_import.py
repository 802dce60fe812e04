"""LiteLLM, imported late and set up so that it does what it is told and nothing else."""

import os
from importlib import import_module
from types import ModuleType

from harness.errors import MissingPackage

# Read while LiteLLM is imported. Without them it fetches a price map and headers from the network, and
# loads `.env` from the working directory: on a stranger's branch that file is a stranger's.
_BEFORE_IMPORT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
}
# Only drift.yaml names endpoints; these would send a target's calls, and its key, somewhere else in silence.
_REROUTES = (
    "USE_LITELLM_PROXY",
    "LITELLM_PROXY_API_BASE",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "OPENAI_ORGANIZATION",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_API_BASE",
    "GEMINI_API_BASE",
)
# These make the SDKs below LiteLLM print every request, its prompt and its headers, on stderr.
_TELLTALES = ("OPENAI_LOG", "ANTHROPIC_LOG")
_AFTER_IMPORT = {
    "suppress_debug_info": True,
    "telemetry": False,
    "drop_params": False,  # a parameter that a model does not take is an error, not silence
    "modify_params": False,
    "num_retries": None,
    "cache": None,
    "model_fallbacks": None,
    "disable_hf_tokenizer_download": True,
}


def import_litellm() -> ModuleType:
    """Import LiteLLM and set it up; seconds the first time, nothing after that. Raises SetupError."""
    os.environ.update(_BEFORE_IMPORT)
    for name in (*_REROUTES, *_TELLTALES):
        os.environ.pop(name, None)
    try:
        litellm = import_module("litellm")
    except (ImportError, OSError) as error:
        raise MissingPackage(
            f"LiteLLM cannot be imported: {error}; install drift-harness again, "
            "or write OpenAI-compatible targets as 'direct/…'"
        ) from error
    for name, value in _AFTER_IMPORT.items():
        setattr(litellm, name, value)
    return litellm
