"""What makes a judge another judge, and which models are kin."""

import pytest

from harness.core.judging.family import families, kin_of_judge, same_family
from harness.core.judging.identity import judge_ruler
from harness.core.suite import Target

JUDGE = Target(model="openai/gpt-5.2", params={"max_tokens": 512})


@pytest.mark.parametrize(
    "other",
    [
        Target(model="openai/gpt-5.3", params={"max_tokens": 512}),
        Target(model="openai/gpt-5.2", params={"max_tokens": 513}),
        Target(model="openai/gpt-5.2", params={"max_tokens": 512}, options={"api_version": "2"}),
        Target(model="openai/gpt-5.2", params={"max_tokens": 512}, api_base="http://127.0.0.1:1/v1"),
    ],
)
def test_another_model_or_parameter_is_another_ruler(other: Target) -> None:
    assert judge_ruler(other, both_orders=True) != judge_ruler(JUDGE, both_orders=True)


def test_the_same_judge_is_the_same_ruler_whatever_pays_for_it() -> None:
    paid = JUDGE.model_copy(update={"key_env": "OTHER_KEY"})
    assert judge_ruler(paid, both_orders=True) == judge_ruler(JUDGE, both_orders=True)
    assert judge_ruler(JUDGE, both_orders=False) != judge_ruler(JUDGE, both_orders=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai/gpt-5.2", "azure/my-deployment"),
        ("openai/o3-mini", "openrouter/openai/gpt-4o"),
        ("anthropic/claude-sonnet-4-6", "bedrock/anthropic.claude-3-5-sonnet-v2:0"),
        ("gemini/gemini-2.5-pro", "vertex_ai/gemini-2.5-flash"),
        ("groq/llama-3.3-70b", "groq/deepseek-r1-distill-llama-70b"),
        ("direct/our-tune-7b", "litellm_proxy/our-tune-70b"),
        ("simulated/steady", "simulated/swapped"),
        ("simulated/judge-good", "simulated/judge-noisy"),
    ],
)
def test_kin_are_kin_both_ways(one: str, other: str) -> None:
    assert same_family(one, other) and same_family(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("openai/gpt-5.2", "anthropic/claude-sonnet-4-6"),
        ("vertex_ai/claude-sonnet-4", "vertex_ai/gemini-2.5-pro"),
        ("bedrock/anthropic.claude-3", "bedrock/amazon.nova-pro-v1:0"),
        ("openai/mistralai/Mixtral-8x7B", "openai/gpt-5.2"),
        ("simulated/judge-good", "simulated/steady"),
        ("direct/alpha-7b", "direct/beta-7b"),
        ("direct/alpha-7b", "openai/gpt-5.2"),
    ],
)
def test_strangers_are_not_kin(one: str, other: str) -> None:
    assert not same_family(one, other) and not same_family(other, one)


def test_every_model_is_kin_to_itself() -> None:
    for model in ("openai/gpt-5.2", "direct/x", "direct/7b", "simulated/judge-good"):
        assert same_family(model, model)


def test_a_distilled_model_has_two_families() -> None:
    assert families("groq/deepseek-r1-distill-llama-70b") == {"deepseek", "meta"}


def test_the_kin_of_a_judge_are_named() -> None:
    targets = {"a": Target(model="azure/x"), "b": Target(model="anthropic/claude-haiku-4-5"), "c": JUDGE}
    assert kin_of_judge(JUDGE, targets) == ("a", "c")
