"""Sentence embeddings on this machine's CPU, with the weights pinned and checked.

`build` finds the weights and checks their hashes (see `weights`) without importing torch; the import and the loading, seconds
both, wait for `prepare` or the first `encode`.
"""

import importlib.util
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness.core.canonical import digest as digest_of
from harness.core.config import EncoderSpec
from harness.edges.encoders.weights import find_weights, quieten_libraries
from harness.errors import EncoderFailed, EncoderUnusable, MissingPackage
from harness.ports import Vectors

PREPROCESSING: Final = "chunks-1"
"""Changes with anything done to a text or its chunks before or after the model."""
MOST_CHUNKS: Final = 32
MOST_TOKENS: Final = 512
"""Longest chunk, where a model's own window is longer or unknown."""
INSTALL: Final = (
    "install torch from a CPU source first, then the extra:\n"
    "  pip install uv && uv pip install --torch-backend cpu torch\n"
    '  pip install "drift-harness[encoder]"\n'
    "(docs/encoders.md has the details), or set `encoder: {name: hashed}`"
)
_BATCH_CHUNKS = 64
_MOST_THREADS = 4


def build(
    spec: EncoderSpec,
    *,
    environment: Mapping[str, str],
    redact: Callable[[str], str] = str,  # noqa: ARG001  # it says nothing that could hold a key
) -> "SentenceEncoder":
    """Find the weights, check them, and return the encoder; torch is not imported.

    Raises SetupError where the extra or the weights are missing, or a file is not the pinned one.
    """
    missing = [name for name in ("torch", "sentence_transformers") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPackage(f"the encoder '{spec.name}' needs {' and '.join(missing)}: {INSTALL}")
    repository = _repository(spec.name)
    weights = find_weights(spec, repository, environment)
    return SentenceEncoder(
        folder=weights.folder, repository=repository, revision=weights.revision, files=weights.files
    )


@dataclass(kw_only=True)
class SentenceEncoder:
    """A sentence-transformers model on the CPU, in float32, without prompts.

    A text longer than the model's window (256 tokens for MiniLM, of which 2 are markers) is cut into chunks
    of that size without overlap, at most 32 of them: of a longer text, 32 spread evenly from its first to its
    last. Its vector is the mean of the chunks' unit vectors, weighted by their tokens, made unit length
    again; so the tail counts. A lone surrogate is read as U+FFFD.
    """

    folder: Path
    repository: str
    revision: str | None
    files: Mapping[str, str]
    _model: Any = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def digest(self) -> str:
        """Name the model and its revision, with a digest over every file hash and the preprocessing."""
        ruler = {
            "files": dict(self.files),
            "preprocessing": PREPROCESSING,
            "most_chunks": MOST_CHUNKS,
            "most_tokens": MOST_TOKENS,
        }
        return f"sentence-transformers:{self.repository}@{self.revision or 'folder'}:{digest_of(ruler)[:16]}"

    def prepare(self) -> None:
        """Import torch and load the model, once; may run in a thread beside the calls. Raises SetupError."""
        with self._lock:
            if self._model is None:
                self._model = _loaded(self.folder)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), dimension), each of length 1. Raises MeasurementError."""
        self.prepare()
        with self._lock:
            return _encoded(self._model, texts)


def _repository(name: str) -> str:
    model = name.partition("/")[2]
    if not model:
        raise EncoderUnusable("name the model: `encoder: {name: sentence-transformers/all-MiniLM-L6-v2}`")
    return model if "/" in model else f"sentence-transformers/{model}"


def _loaded(folder: Path) -> Any:
    quieten_libraries()
    # Imported here: torch takes seconds, and `build` must not.
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except (ImportError, OSError) as error:
        raise MissingPackage(f"the encoder's libraries do not load ({error}): {INSTALL}") from error
    # Where somebody imported the library before, its variables were read before they were set.
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # untyped library
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped library
    torch.set_num_threads(min(_MOST_THREADS, os.cpu_count() or 1))
    try:
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise EncoderUnusable(f"the encoder in {folder} does not load: {error}") from error
    if not getattr(model.tokenizer, "is_fast", False):
        raise EncoderUnusable(
            f"the encoder in {folder} has no fast tokenizer (tokenizer.json), which cutting texts needs"
        )
    return model.float().eval().requires_grad_(requires_grad=False)


def _encoded(model: Any, texts: Sequence[str]) -> Vectors:
    if not texts:
        dimension = model.get_embedding_dimension()
        return np.zeros((0, dimension), dtype=np.float32)
    chunks = [chunk for number, text in enumerate(texts) for chunk in _chunks(model, number, text)]
    # Longest first, so that little of a batch is padding; the sort is stable, so the order is fixed.
    order = sorted(range(len(chunks)), key=lambda place: -chunks[place].tokens)
    sums: Vectors | None = None
    for start in range(0, len(order), _BATCH_CHUNKS):
        batch = [chunks[place] for place in order[start : start + _BATCH_CHUNKS]]
        vectors = _chunk_vectors(model, batch)
        if sums is None:
            sums = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
        weights = np.array([[chunk.tokens] for chunk in batch], dtype=np.float32)
        np.add.at(sums, [chunk.text for chunk in batch], vectors * weights)
    assert sums is not None
    return _unit(sums)


@dataclass(frozen=True, slots=True)
class _Chunk:
    text: int
    """Which text it is of."""
    ids: list[int]

    @property
    def tokens(self) -> int:
        return len(self.ids)


def _chunks(model: Any, number: int, text: str) -> list[_Chunk]:
    window = min(model.max_seq_length or MOST_TOKENS, MOST_TOKENS)
    cut = model.tokenizer(
        [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")],
        truncation=True,
        max_length=window,
        return_overflowing_tokens=True,
        padding=False,
    )
    ids: list[list[int]] = cut["input_ids"]
    places = list(range(len(ids)))
    if len(ids) > MOST_CHUNKS:
        places = [place * (len(ids) - 1) // (MOST_CHUNKS - 1) for place in range(MOST_CHUNKS)]
    return [_Chunk(number, ids[place]) for place in places]


def _chunk_vectors(model: Any, chunks: Sequence[_Chunk]) -> Vectors:
    import torch  # loaded long since, with the model

    features = model.tokenizer.pad(
        {
            "input_ids": [chunk.ids for chunk in chunks],
            "attention_mask": [[1] * chunk.tokens for chunk in chunks],
        },
        return_tensors="pt",
    )
    with torch.inference_mode():
        found = model.forward(dict(features))["sentence_embedding"]
    return _unit(found.to(torch.float32).numpy())


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(vectors).all() or not (lengths > 0).all():
        raise EncoderFailed(
            "the encoder gave a vector that is not a number or has no length; check its weights"
        )
    unit: Vectors = (vectors / lengths).astype(np.float32)
    return unit
