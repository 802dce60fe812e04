"""Prices are what LiteLLM's map says, read without LiteLLM."""

import pytest

from harness.edges.providers.litellm_library import load_litellm
from harness.edges.providers.prices import find_price


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o-mini",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-flash",
        "azure/gpt-4o",
        "mistral/mistral-large-latest",
        "groq/openai/gpt-oss-120b",
        "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
)
def test_a_price_is_the_one_that_litellm_would_name(model: str) -> None:
    info = load_litellm().get_model_info(model)
    price = find_price(model)
    assert price is not None
    assert price.input_usd_per_million == pytest.approx(info["input_cost_per_token"] * 1e6)
    assert price.output_usd_per_million == pytest.approx(info["output_cost_per_token"] * 1e6)


@pytest.mark.parametrize(
    "model", ["openai/no-such-model", "litellm_proxy/gpt-4o", "anthropic/gpt-4o", "hosted_vllm/x"]
)
def test_an_unknown_price_is_unknown_and_never_zero(model: str) -> None:
    assert find_price(model) is None
