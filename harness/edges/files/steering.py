"""Names under `params` that steer the library or the connection, and where such a setting belongs."""

from collections.abc import Mapping

from harness.edges.files.litellm_names import OWN_PARAMETERS

_DRIFT_DECIDES = "drift decides that: delete it"
_NO_RETRIES = "drift retries by itself and counts every attempt: delete it"
_NO_CACHE = "an answer from a cache measures nothing: delete it"
_AS_THEY_STAND = "parameters are sent as they stand, none is dropped: delete it"
_HEADERS = "write `options: {headers: {…}}` in the target"
_BODY = "write `options: {extra_body: {…}}` in the target"
_KEY = "name the variable that holds it, `key_env:` or `env:` in the target"
_ADDRESS = "write `api_base:` in the target"
_REGION = "write `options: {region: …}` in the target"
_PRICE = "write `price: {input_usd_per_million: …, output_usd_per_million: …}` in the target"
_ANOTHER_TARGET = "what answers must be one model: define another target"
_SIMULATED = "for made-up answers use a model `simulated/…`"
_PREFIX = "write the provider in `model:`, before the first '/'"
_TIMEOUT = "write `limits: {timeout_s: …}`"
_OTHER = "it steers LiteLLM, not the model: delete it"

_BELONGS: Mapping[str, str] = {
    "additional_drop_params": _AS_THEY_STAND,
    "api_base": _ADDRESS,
    "api_key": _KEY,
    "api_version": "write `options: {api_version: …}` in the target",
    "base_url": _ADDRESS,
    "cache": _NO_CACHE,
    "caching": _NO_CACHE,
    "caching_groups": _NO_CACHE,
    "callbacks": _OTHER,
    "context_window_fallback_dict": _ANOTHER_TARGET,
    "custom_llm_provider": _PREFIX,
    "default_headers": _HEADERS,
    "deployment_id": "write the deployment in `model:`, such as azure/my-deployment",
    "drop_params": _AS_THEY_STAND,
    "extra_body": _BODY,
    "extra_headers": _HEADERS,
    "extra_query": _ADDRESS,
    "failure_callback": _OTHER,
    "fallbacks": _ANOTHER_TARGET,
    "force_timeout": _TIMEOUT,
    "function_call": _DRIFT_DECIDES,
    "functions": "tools belong to a case: write `tools:` there",
    "headers": _HEADERS,
    "include_server_side_tool_invocations": _DRIFT_DECIDES,
    "kwargs": _OTHER,
    "max_retries": _NO_RETRIES,
    "messages": "messages belong to a case: write `messages:` there",
    "metadata": _BODY,
    "mock_delay": _SIMULATED,
    "mock_response": _SIMULATED,
    "mock_timeout": _SIMULATED,
    "mock_tool_calls": _SIMULATED,
    "model": "write `model:` in the target itself",
    "model_list": _ANOTHER_TARGET,
    "n": "write `samples:`; each reply is a request of its own",
    "num_retries": _NO_RETRIES,
    "organization": "write `options: {organization: …}` in the target",
    "provider_specific_header": _HEADERS,
    "region_name": _REGION,
    "request_timeout": _TIMEOUT,
    "shared_session": _OTHER,
    "enable_json_schema_validation": _OTHER,
    "retry_policy": _NO_RETRIES,
    "retry_strategy": _NO_RETRIES,
    "stream": _DRIFT_DECIDES,
    "stream_options": _DRIFT_DECIDES,
    "stream_timeout": _TIMEOUT,
    "success_callback": _OTHER,
    "timeout": _TIMEOUT,
    "tools": "tools belong to a case: write `tools:` there",
}
_BELONGS_BY_BEGINNING: Mapping[str, str] = {
    "aws_region": _REGION,
    "vertex_location": _REGION,
    "vertex_project": "write `options: {vertex_project: …}` in the target",
    "aws_": _KEY,
    "azure_": _KEY,
    "vertex_credentials": _KEY,
    "litellm_": _OTHER,
    "_": _OTHER,
}


# Lets LiteLLM send what it would refuse, such as `top_logprobs` to Gemini: it belongs to the parameter it names.
_LETS_THROUGH = "allowed_openai_params"


def where_it_belongs(parameter: str) -> str | None:
    """Say where a setting belongs that is no parameter of a model; None for what a model may be sent."""
    if parameter == _LETS_THROUGH:
        return None
    if parameter in _BELONGS:
        return _BELONGS[parameter]
    for start, said in _BELONGS_BY_BEGINNING.items():
        if parameter.startswith(start):
            return said
    if "cost_per_" in parameter or "_token_cost" in parameter:
        return _PRICE
    return _OTHER if parameter in OWN_PARAMETERS else None
