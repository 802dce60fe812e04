import math
import os

import numpy as np
import pytest

from harness.core.config import EncoderSpec
from harness.edges.encoders import hashed
from harness.edges.encoders.litellm import BLANK, MOST_PIECES, PIECE_BYTES, LiteLLMEncoder, build
from harness.errors import MeasurementError, SetupError
from tests.edges.encoders.embedding_server import Embedding, EmbeddingServer

NAME = "litellm/openai/text-embedding-3-small"
KEY = "loopback-key-0123456789"


def _encoder(server: EmbeddingServer) -> LiteLLMEncoder:
    spec = EncoderSpec(name=NAME, key_env="EMBED_KEY", api_base=server.base)
    return build(spec, environment={"EMBED_KEY": KEY}, redact=lambda text: text.replace(KEY, "[EMBED_KEY]"))


def test_vectors_come_back_in_the_order_of_the_texts_and_unit_length() -> None:
    texts = [f"text number {number}" for number in range(150)]
    with EmbeddingServer() as server:
        vectors = _encoder(server).encode(texts)
    expected = hashed.build(EncoderSpec(), environment={}).encode(texts)
    assert np.abs(vectors - expected).max() < 1e-6
    assert [len(body["input"]) for body in server.bodies] == [64, 64, 22]
    assert {body["model"] for body in server.bodies} == {"text-embedding-3-small"}
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_a_blank_text_and_a_surrogate_are_sent_as_something_a_provider_takes() -> None:
    with EmbeddingServer() as server:
        _encoder(server).encode(["", " \n", "a\ud800b"])
    assert server.bodies[0]["input"] == [BLANK, BLANK, "a\ufffdb"]


def test_a_long_text_is_cut_at_characters_and_evenly() -> None:
    with EmbeddingServer() as server:
        _encoder(server).encode(["日" * 5000, "start " + "x" * (PIECE_BYTES * 40) + " end"])
    sent = [text for body in server.bodies for text in body["input"]]
    assert "".join(sent[:2]) == "日" * 5000
    assert len(sent) == 2 + MOST_PIECES
    assert sent[2].startswith("start")
    assert sent[-1].endswith("end")
    assert all(len(text.encode()) <= PIECE_BYTES for text in sent)


def test_a_call_holds_a_bounded_number_of_bytes() -> None:
    with EmbeddingServer() as server:
        _encoder(server).encode(["y" * PIECE_BYTES] * 60)
    assert max(sum(len(text) for text in body["input"]) for body in server.bodies) <= 200_000
    assert sum(len(body["input"]) for body in server.bodies) == 60


def test_the_length_asked_for_is_sent_checked_and_part_of_the_digest() -> None:
    with EmbeddingServer() as server:
        encoder = LiteLLMEncoder(
            model="openai/text-embedding-3-small", dimensions=64, api_base=server.base, key=KEY
        )
        assert encoder.encode(["a short answer"]).shape == (1, 64)
        assert server.bodies[0]["dimensions"] == 64
        assert encoder.digest != _encoder(server).digest


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_a_failed_call_is_made_once_and_is_an_error_without_the_key(status: int) -> None:
    refusal = f'{{"error": {{"message": "bad key {KEY}"}}}}'
    with EmbeddingServer(status=status, text=refusal) as server, pytest.raises(MeasurementError) as caught:
        _encoder(server).encode(["a"])
    assert len(server.bodies) == 1
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "text-embedding-3-small" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "<html>gateway</html>", '{"data": [', '{"data": null}', "{}", "[]", "null"]
)
def test_a_body_that_is_not_an_answer_is_an_error(text: str) -> None:
    with EmbeddingServer(text=text) as server, pytest.raises(MeasurementError):
        _encoder(server).encode(["a"])


def _changed(**fields: object) -> EmbeddingServer:
    return EmbeddingServer(spoil=lambda data: [{**data[0], **fields}, *data[1:]])


def _bad_servers() -> dict[str, EmbeddingServer]:
    def first(data: list[Embedding]) -> list[float]:
        return list(data[0]["embedding"])  # type: ignore[call-overload]

    return {
        "nan": EmbeddingServer(
            spoil=lambda data: [{**data[0], "embedding": [math.nan, *first(data)[1:]]}, *data[1:]]
        ),
        "infinite": EmbeddingServer(
            spoil=lambda data: [{**data[0], "embedding": [math.inf, *first(data)[1:]]}, *data[1:]]
        ),
        "zero": EmbeddingServer(spoil=lambda data: [{**data[0], "embedding": [0.0] * 512}, *data[1:]]),
        "short": EmbeddingServer(spoil=lambda data: [{**data[0], "embedding": first(data)[:-1]}, *data[1:]]),
        "none": _changed(embedding=None),
        "empty": EmbeddingServer(spoil=lambda data: [{**row, "embedding": []} for row in data]),
        "twice": _changed(index=0),
        "beyond": _changed(index=7),
        "fewer": EmbeddingServer(spoil=lambda data: data[:-1]),
        "more": EmbeddingServer(spoil=lambda data: [*data, data[0]]),
    }


@pytest.mark.parametrize("fault", sorted(_bad_servers()))
def test_anything_but_one_finite_vector_for_each_text_is_refused(fault: str) -> None:
    with _bad_servers()[fault] as server, pytest.raises(MeasurementError, match="text-embedding-3-small"):
        _encoder(server).encode(["one", "two", "three"])


def test_a_length_that_changes_between_calls_is_refused() -> None:
    with EmbeddingServer() as server:
        encoder = _encoder(server)
        encoder.encode(["a"])
        server._spoil = lambda data: [{**row, "embedding": row["embedding"][:100]} for row in data]
        with pytest.raises(MeasurementError, match="512 numbers were expected"):
            encoder.encode(["b"])


def test_nobody_listening_is_an_error_and_not_a_hang() -> None:
    encoder = LiteLLMEncoder(
        model="openai/text-embedding-3-small", api_base="http://127.0.0.1:9/v1", key=KEY, timeout_s=5
    )
    with pytest.raises(MeasurementError, match="run again"):
        encoder.encode(["a"])


def test_a_key_that_is_not_set_is_found_when_building() -> None:
    with pytest.raises(SetupError, match="EMBED_KEY, which is not set"):
        build(EncoderSpec(name=NAME, key_env="EMBED_KEY"), environment={})
    with pytest.raises(SetupError, match="names no provider"):
        build(EncoderSpec(name="litellm/text-embedding-3-small"), environment={})


def test_the_key_is_not_in_the_representation() -> None:
    spec = EncoderSpec(name=NAME, key_env="EMBED_KEY")
    assert KEY not in repr(build(spec, environment={"EMBED_KEY": KEY}))


def test_the_library_is_set_up_as_for_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_LOG", "debug")
    monkeypatch.delenv("LITELLM_MODE", raising=False)
    LiteLLMEncoder(model="openai/text-embedding-3-small").prepare()
    assert os.environ["LITELLM_MODE"] == "PRODUCTION", "or it loads a .env file from the working directory"
    assert "OPENAI_BASE_URL" not in os.environ
    assert "OPENAI_LOG" not in os.environ
