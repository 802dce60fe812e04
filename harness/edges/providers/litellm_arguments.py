"""What LiteLLM is told of a target, and what nobody may tell it."""

from collections.abc import Mapping

from harness.core.suite import Target
from harness.edges.providers.targets import (
    check_settings,
    find_extra_body,
    find_gateway_fields,
    find_headers,
    find_secrets,
)

OPTIONS = ("api_version", "region", "organization", "vertex_project", "gateway", "headers", "extra_body")
REFUSED_PARAMS = frozenset(
    [
        "model",
        "messages",
        "tools",
        "stream",
        "n",
        "api_key",
        "api_base",
        "base_url",
        "num_retries",
        "max_retries",
        "timeout",
        "fallbacks",
        "context_window_fallback_dict",
        "caching",
        "cache",
        "mock_response",
        "mock_tool_calls",
        "drop_params",
        "client",
        "callbacks",
        "shared_session",
        "extra_headers",
        "extra_body",
        "custom_llm_provider",
        "model_list",
    ]
)
# LiteLLM reads these from the process; we hand over what the configuration names, and nothing else.
_PARAMETER_OF = {
    "AZURE_API_KEY": "api_key",
    "AZURE_API_BASE": "api_base",
    "AZURE_API_VERSION": "api_version",
    "AZURE_AD_TOKEN": "azure_ad_token",
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "AWS_SESSION_TOKEN": "aws_session_token",
    "AWS_REGION_NAME": "aws_region_name",
    "VERTEXAI_PROJECT": "vertex_project",
    "VERTEXAI_LOCATION": "vertex_location",
    "VERTEXAI_CREDENTIALS": "vertex_credentials",
}
_REGION_OF = {"bedrock": "aws_region_name", "sagemaker": "aws_region_name", "vertex_ai": "vertex_location"}
# Ours is `asyncio.timeout`; theirs is part of the key under which they keep a client, so it never varies.
_CLIENT_TIMEOUT_S = 3600.0


def find_arguments(target: Target, environment: Mapping[str, str]) -> dict[str, object]:
    """Return what goes to `acompletion` beside the question; `environment` holds the keys. Raises SetupError."""
    check_settings(target, options=OPTIONS, refused_params=REFUSED_PARAMS)
    secrets = find_secrets(target, environment)
    options = target.options
    body = {**find_extra_body(target), **find_gateway_fields(target)}
    arguments: dict[str, object | None] = {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in target.params.items()},
        **{name: options.get(name) for name in ("api_version", "organization", "vertex_project")},
        **{_PARAMETER_OF[name]: value for name, value in secrets.items() if name in _PARAMETER_OF},
        _REGION_OF.get(target.model.partition("/")[0], "region_name"): options.get("region"),
        "extra_headers": find_headers(target) or None,
        "extra_body": body or None,
    }
    if target.api_base:
        arguments["api_base"] = target.api_base
        # Without a key of its own, the address must not be sent one that happens to be in the process.
        arguments.setdefault("api_key", "none")
    if target.key_env:
        arguments["api_key"] = secrets[target.key_env]
    return {name: value for name, value in arguments.items() if value is not None} | {
        "model": target.model,
        "num_retries": 0,
        "max_retries": 0,
        "drop_params": False,
        "caching": False,
        "timeout": _CLIENT_TIMEOUT_S,
        "no-log": True,
    }
