"""What `drift.yaml` may say, found before the first call, at its place and with what is meant."""

import inspect
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from harness.edges.files.litellm_names import OWN_PARAMETERS, PROVIDERS
from harness.edges.files.project import load_project
from harness.edges.files.steering import where_it_belongs
from harness.edges.litellm_import import import_litellm
from harness.errors import DocumentError, UsageError

CONFIG = """\
version: 1
targets:
  steady: {model: simulated/steady, params: {temperature: 0}}
suites:
  canary: {path: canaries/, targets: [steady]}
"""
MODEL_PARAMETERS = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "stop",
    "reasoning_effort",
    "thinking",
    "verbosity",
    "response_format",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "parallel_tool_calls",
    "tool_choice",
    "user",
    "store",
    "service_tier",
    "modalities",
    "prediction",
    "audio",
    "safety_identifier",
    "prompt_cache_key",
    "web_search_options",
    "allowed_openai_params",
    "chat_template_kwargs",
]
STEERING = [
    "additional_drop_params",
    "drop_params",
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "extra_headers",
    "headers",
    "extra_body",
    "fallbacks",
    "mock_response",
    "num_retries",
    "max_retries",
    "custom_llm_provider",
    "timeout",
    "caching",
    "cache",
    "metadata",
    "stream",
    "n",
    "messages",
    "tools",
    "model",
    "model_list",
    "client",
    "callbacks",
    "aws_access_key_id",
    "aws_region_name",
    "vertex_project",
    "azure_ad_token",
    "input_cost_per_token",
    "cache_read_input_token_cost",
    "litellm_params",
    "ssl_verify",
    "_hidden",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "canaries").mkdir()
    (tmp_path / "drift.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def problems(root: Path, old: str = "", new: str = "") -> list[str]:
    assert old in CONFIG
    (root / "drift.yaml").write_text(CONFIG.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_project(root)
    return [str(problem) for problem in caught.value.problems]


def test_a_name_that_stands_for_no_target_is_found_where_it_is_written(root: Path) -> None:
    assert problems(root, "[steady]", "[steady, staedy, other]") == [
        "drift.yaml:5:47: unknown target 'staedy', did you mean 'steady'?",
        "drift.yaml:5:55: unknown target 'other'; there are: steady",
    ]
    (said,) = problems(root, "temperature: 0}", "temperature: 0}, baseline_of: stedy")
    assert said == "drift.yaml:3:76: unknown target 'stedy', did you mean 'steady'?"


@pytest.mark.parametrize(
    ("model", "meant"),
    [
        ("opnai/gpt", "'openai'"),
        ("antropic/claude", "'anthropic'"),
        ("simulatd/steady", "'simulated'"),
        ("litellm/openai/gpt", ""),
        ("nobodys/model", ""),
    ],
)
def test_a_model_of_no_known_provider_is_found_without_a_call(root: Path, model: str, meant: str) -> None:
    (said,) = problems(root, "model: simulated/steady", f"model: {model}")
    prefix = model.partition("/")[0]
    assert said.startswith(f"drift.yaml:3:19: unknown provider '{prefix}'")
    assert meant in said


@pytest.mark.parametrize(
    "model", ["openai/gpt", "nano-gpt/x", "text-completion-openai/x", "bedrock/a.b", "direct/x"]
)
def test_a_model_of_a_known_provider_is_taken(root: Path, model: str) -> None:
    text = CONFIG.replace("simulated/steady", model)
    (root / "drift.yaml").write_text(text, encoding="utf-8")
    assert load_project(root).config.targets["steady"].model == model


def test_a_provider_of_an_installed_package_is_taken(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = root / "site" / "acme_provider-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-provider\nVersion: 1\n", encoding="utf-8"
    )
    (package / "entry_points.txt").write_text("[harness.providers]\nacme = acme:Provider\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    (root / "drift.yaml").write_text(CONFIG.replace("simulated/steady", "acme/x"), encoding="utf-8")
    assert load_project(root).config.targets["steady"].model == "acme/x"


def test_the_encoder_of_an_unknown_provider_is_found(root: Path) -> None:
    (said,) = problems(root, "version: 1", "version: 1\nencoder: {name: litellm/opnai/embed}")
    assert said == "drift.yaml:2:17: unknown provider 'opnai', did you mean 'openai'?"


@pytest.mark.parametrize("name", STEERING)
def test_a_setting_that_steers_the_library_is_refused_and_told_where_it_belongs(
    root: Path, name: str
) -> None:
    (said,) = problems(root, "temperature: 0", f'temperature: 0, "{name}": 1')
    assert said.startswith(f"drift.yaml:3:62: '{name}' is no parameter of a model; ")
    assert len(said.rpartition("; ")[2]) > 15


@pytest.mark.parametrize("name", MODEL_PARAMETERS)
def test_what_a_model_may_be_sent_stays_free(name: str) -> None:
    assert where_it_belongs(name) is None


def test_our_lists_are_the_installed_litellms() -> None:
    litellm = import_litellm()
    types = import_module("litellm.types.utils")
    more = import_module("litellm.llms.openai_like.json_loader").JSONProviderRegistry.list_providers()
    known = {str(getattr(name, "value", name)) for name in litellm.provider_list} | set(more)
    assert known ^ PROVIDERS == set()
    own = {name for name in types.all_litellm_params if not name.startswith("_")}
    assert own ^ OWN_PARAMETERS == set()
    arguments = {
        name
        for call in (litellm.acompletion, litellm.completion)
        for name in inspect.signature(call).parameters
    }
    free = {name for name in arguments if where_it_belongs(name) is None}
    assert free - set(MODEL_PARAMETERS) == set()


def test_the_encoders_folder_is_taken_from_the_project_and_not_from_where_drift_was_called(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "canaries")
    text = "version: 1\nencoder: {name: sentence-transformers/a/b, path: models/b}"
    (root / "drift.yaml").write_text(CONFIG.replace("version: 1", text), encoding="utf-8")
    assert load_project(Path.cwd()).config.encoder.path == str(root / "models" / "b")
    absolute = str(root / "elsewhere")
    (root / "drift.yaml").write_text(
        CONFIG.replace("version: 1", text.replace("models/b", f'"{absolute}"')), encoding="utf-8"
    )
    assert load_project(root).config.encoder.path == absolute


@pytest.fixture
def odd_files(tmp_path: Path) -> Iterator[dict[str, Path]]:
    folder = tmp_path / "odd"
    folder.mkdir()
    os.symlink("loop.yaml", folder / "loop.yaml")
    os.mkfifo(folder / "pipe.yaml")
    yield {"loop": folder / "loop.yaml", "pipe": folder / "pipe.yaml", "device": Path("/dev/zero")}


@pytest.mark.parametrize("kind", ["loop", "pipe", "device"])
def test_a_configuration_that_is_no_regular_file_is_refused(
    root: Path, odd_files: dict[str, Path], kind: str
) -> None:
    with pytest.raises((UsageError, DocumentError)):
        load_project(root, odd_files[kind])


def test_a_target_that_a_suite_names_twice_is_refused_at_its_second_place(root: Path) -> None:
    assert problems(root, "[steady]", "[steady, steady]") == [
        "drift.yaml:5:47: 'steady' is named already: it is asked once, so delete one of them"
    ]


def test_a_list_whose_only_item_is_wrong_is_not_called_too_short_as_well(root: Path) -> None:
    (said,) = problems(root, "[steady]", '["BAD ID"]')
    assert "'BAD ID' does not fit" in said
    (empty,) = problems(root, "[steady]", "[]")
    assert "has 0 items, at least 1 are needed" in empty
