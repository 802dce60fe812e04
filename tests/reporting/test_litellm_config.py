"""The configuration for a LiteLLM proxy: what LiteLLM takes, and nothing that a provider's name could break."""

import os

import pytest
import yaml

from harness.core.response import Action, Advice
from harness.core.suite import Target
from harness.reporting.litellm_config import litellm_config
from tests.support.hostile import HOSTILE

SONNET = Target(
    model="anthropic/claude-sonnet-4-6", params={"temperature": 0, "max_tokens": 64}, key_env="FIRST_KEY"
)
GPT = Target(
    model="openai/gpt-5.2", key_env="SECOND_KEY", api_base="https://example.org/v1", options={"gateway": True}
)
TARGETS = {"sonnet": SONNET, "gpt": GPT}
FAIL_OVER = Advice(action=Action.FAIL_OVER, rule="quiet-elsewhere", because="gpt is quiet.", target="gpt")
ROLL_BACK = Advice(
    action=Action.ROLL_BACK, rule="pinned-earlier", because=".", model="claude-sonnet-4-6-20260101"
)
ADJUST = Advice(action=Action.ADJUST_PROMPTS, rule="everywhere", because=".")


@pytest.mark.parametrize(
    ("advice", "leads", "fallbacks"),
    [
        (FAIL_OVER, "openai/gpt-5.2", [{"gpt-as-is": ["sonnet-as-is"]}]),
        (ROLL_BACK, "anthropic/claude-sonnet-4-6-20260101", [{"sonnet-pinned": ["sonnet-as-is"]}]),
        (ADJUST, "anthropic/claude-sonnet-4-6", None),
    ],
)
def test_callers_go_on_asking_for_the_target_and_the_alias_says_who_answers(advice, leads, fallbacks) -> None:
    config = yaml.safe_load(litellm_config("sonnet", advice, TARGETS))
    by_name = {one["model_name"]: one["litellm_params"] for one in config["model_list"]}
    settings = config["router_settings"]
    assert by_name[settings["model_group_alias"]["sonnet"]]["model"] == leads
    assert settings.get("fallbacks") == fallbacks
    assert by_name["sonnet-as-is"]["api_key"] == "os.environ/FIRST_KEY"
    assert by_name["sonnet-as-is"]["max_tokens"] == 64


def test_what_is_not_carried_over_is_said() -> None:
    assert "not carried over from drift.yaml: options gateway" in litellm_config("sonnet", FAIL_OVER, TARGETS)


@pytest.mark.parametrize("said", HOSTILE)
def test_a_served_name_is_only_ever_a_text(said: str) -> None:
    advice = Advice(action=Action.ROLL_BACK, rule="pinned-earlier", because=said, model=said)
    text = litellm_config("sonnet", advice, TARGETS)
    config = yaml.safe_load(text.encode("utf-8", "backslashreplace").decode())
    assert set(config) == {"model_list", "router_settings"}
    assert len(config["model_list"]) == 2
    assert config["router_settings"]["model_group_alias"] == {"sonnet": "sonnet-pinned"}


@pytest.mark.soak
def test_litellms_own_router_takes_it_and_follows_the_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("litellm", reason="litellm is not installed")
    monkeypatch.setitem(os.environ, "LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("FIRST_KEY", "sk-first-0123456789")
    monkeypatch.setenv("SECOND_KEY", "sk-second-0123456789")
    from litellm import Router

    for advice, leads in ((FAIL_OVER, "openai/gpt-5.2"), (ROLL_BACK, f"anthropic/{ROLL_BACK.model}")):
        config = yaml.safe_load(litellm_config("sonnet", advice, TARGETS))
        # As the proxy does it: what the router does not know of router_settings, it would drop with a warning.
        assert set(config["router_settings"]) <= set(Router.get_valid_args())
        router = Router(model_list=config["model_list"], **config["router_settings"])
        chosen = router.get_available_deployment(model="sonnet", messages=[{"role": "user", "content": "x"}])
        assert chosen["litellm_params"]["model"] == leads
        answer = router.completion(
            model="sonnet", messages=[{"role": "user", "content": "x"}], mock_response="hello"
        )
        assert answer.choices[0].message.content == "hello"
        keys = {one["litellm_params"]["api_key"] for one in router.get_model_list() or []}
        assert keys <= {
            "sk-first-0123456789",
            "sk-second-0123456789",
            "os.environ/FIRST_KEY",
            "os.environ/SECOND_KEY",
        }
