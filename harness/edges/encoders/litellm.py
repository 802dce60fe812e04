"""Embeddings from a hosted model, through LiteLLM.

A hosted encoder is a ruler somebody else can bend: prefer weights on this machine. One call is one HTTP
request; LiteLLM and the SDKs below it are told not to retry.
"""

import importlib.util
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NoReturn

import numpy as np

from harness.core.config import EncoderSpec
from harness.edges.litellm_import import import_litellm
from harness.errors import (
    EncoderFailed,
    EncoderUnusable,
    MissingKey,
    MissingPackage,
)
from harness.ports import Vectors

PREPROCESSING: Final = "pieces-1"
"""Changes with anything done to a text or its pieces before or after the model."""
PIECE_BYTES: Final = 8_000
"""UTF-8 bytes in a piece: never more than 8,000 tokens of a byte-level tokenizer, whose models take 8,191."""
MOST_PIECES: Final = 8
BLANK: Final = "(no text)"
"""What is sent for a blank text, which most providers refuse."""
_BATCH_PIECES = 64
_BATCH_BYTES = 200_000


def build(
    spec: EncoderSpec, *, environment: Mapping[str, str], redact: Callable[[str], str] = str
) -> "LiteLLMEncoder":
    """Return the encoder; LiteLLM is imported at the first call. Raises SetupError for a key that is not set."""
    model = spec.name.partition("/")[2]
    if "/" not in model:
        raise EncoderUnusable(
            f"the encoder '{spec.name}' names no provider: `encoder: {{name: litellm/openai/text-embedding-3-small}}`"
        )
    if importlib.util.find_spec("litellm") is None:
        raise MissingPackage(f"the encoder '{spec.name}' needs the package litellm, which is not installed")
    key = environment.get(spec.key_env) if spec.key_env else None
    if spec.key_env and not key:
        raise MissingKey(
            f"the encoder '{spec.name}' needs the environment variable {spec.key_env}, which is not set"
        )
    return LiteLLMEncoder(model=model, revision=spec.revision, api_base=spec.api_base, key=key, redact=redact)


@dataclass(kw_only=True)
class LiteLLMEncoder:
    """Asks a hosted model for embeddings, 64 pieces a call, and makes them unit length.

    A text longer than 8,000 UTF-8 bytes is cut into pieces of that size at characters, at most 8: of a longer
    text, 8 spread evenly from its first to its last. Its vector is the mean of the pieces' unit vectors,
    weighted by their bytes, made unit length again. A lone surrogate is sent as U+FFFD, a blank text as
    "(no text)".
    """

    model: str
    revision: str | None = None
    """Free words that become part of the digest: change it when the provider changed the model."""
    dimensions: int | None = None
    """Length to ask for, where the model offers a choice."""
    api_base: str | None = None
    key: str | None = field(default=None, repr=False)
    redact: Callable[[str], str] = field(default=str, repr=False)
    """Takes secrets out of error texts."""
    timeout_s: float = 60.0
    _litellm: Any = field(default=None, init=False, repr=False)
    _dimension: int | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def digest(self) -> str:
        """Name the model, the length asked for and the preprocessing."""
        revision = f"@{self.revision}" if self.revision else ""
        return f"litellm:{self.model}{revision}:{self.dimensions or 'native'}:{PREPROCESSING}"

    def prepare(self) -> None:
        """Import LiteLLM, once: seconds of CPU. May run in a thread beside the calls. Raises SetupError."""
        with self._lock:
            if self._litellm is None:
                self._litellm = _loaded()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return float32 vectors of shape (len(texts), dimension), each of length 1.

        The dimension of an empty list is 0 until a first call has shown it. Raises MeasurementError where the
        provider fails, or answers with anything but one finite vector of one length for every piece.
        """
        self.prepare()
        pieces = [piece for number, text in enumerate(texts) for piece in _pieces(number, text)]
        sums: Vectors | None = None
        for batch in _batches(pieces):
            vectors = self._embedded([piece.text for piece in batch])
            if sums is None:
                sums = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
            weights = np.array([[piece.size] for piece in batch], dtype=np.float32)
            np.add.at(sums, [piece.owner for piece in batch], vectors * weights)
        if sums is None:
            return np.zeros((0, self.dimensions or self._dimension or 0), dtype=np.float32)
        return self._unit(sums)

    def _embedded(self, texts: list[str]) -> Vectors:
        options: dict[str, Any] = {"dimensions": self.dimensions} if self.dimensions else {}
        try:
            response = self._litellm.embedding(
                model=self.model,
                input=texts,
                encoding_format="float",
                timeout=self.timeout_s,
                api_base=self.api_base,
                api_key=self.key,
                num_retries=0,
                max_retries=0,
                caching=False,
                **options,
            )
        except self._failures() as error:
            raise EncoderFailed(
                f"the encoder {self.model} failed: {type(error).__name__}: {self.redact(str(error))[:500]}. "
                "The answers are kept; run again to measure them"
            ) from None  # the original quotes requests, and may quote the key
        return self._checked(getattr(response, "data", None), len(texts))

    def _failures(self) -> tuple[type[Exception], ...]:
        """List what a LiteLLM call raises: its own tree is the SDK's, plus what a malformed body causes."""
        errors = self._litellm.exceptions
        own = (errors.APIError, errors.APIConnectionError, errors.Timeout, errors.BadRequestError)
        sdk: type[Exception] = next(
            kind for kind in errors.APIError.__mro__ if kind.__name__ == "OpenAIError"
        )
        return (*own, sdk, ValueError, KeyError, TypeError, AttributeError, IndexError)

    def _checked(self, data: Any, expected: int) -> Vectors:
        """Put the vectors in the order of their index, and refuse anything that is not a full answer."""
        rows = data if isinstance(data, list) else []
        try:
            by_index = {int(row["index"]): np.asarray(row["embedding"], dtype=np.float32) for row in rows}
        except (KeyError, TypeError, ValueError):
            self._refuse("an answer that does not hold embeddings")
        if len(rows) != expected or set(by_index) != set(range(expected)):
            self._refuse(f"{len(rows)} vectors for {expected} texts, or not one for each")
        shapes = {vector.shape for vector in by_index.values()}
        wanted = self.dimensions or self._dimension or by_index[0].size
        if shapes != {(wanted,)} or wanted == 0:
            self._refuse(f"vectors of shape {sorted(shapes)} where {wanted} numbers were expected")
        self._dimension = wanted
        return self._unit(np.stack([by_index[place] for place in range(expected)]))

    def _unit(self, vectors: Vectors) -> Vectors:
        if not np.isfinite(vectors).all():
            self._refuse("a vector with a number that is not finite")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (lengths > 0).all():
            self._refuse("a vector of length 0")
        unit: Vectors = (vectors / lengths).astype(np.float32)
        return unit

    def _refuse(self, what: str) -> NoReturn:
        raise EncoderFailed(f"the encoder {self.model} gave {what}; nothing was measured with it")


@dataclass(frozen=True, slots=True)
class _Piece:
    owner: int
    """Which text it is of."""
    text: str
    size: int
    """UTF-8 bytes."""


def _pieces(owner: int, text: str) -> list[_Piece]:
    sent = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    encoded = (sent if sent.strip() else BLANK).encode("utf-8")
    cuts = [0]
    while cuts[-1] < len(encoded):
        cut = min(cuts[-1] + PIECE_BYTES, len(encoded))
        while cut < len(encoded) and encoded[cut] & 0xC0 == 0x80:  # within a character
            cut -= 1
        cuts.append(cut)
    spans = list(pairwise(cuts))
    if len(spans) > MOST_PIECES:
        spans = [spans[place * (len(spans) - 1) // (MOST_PIECES - 1)] for place in range(MOST_PIECES)]
    pieces = [_Piece(owner, encoded[start:stop].decode("utf-8"), stop - start) for start, stop in spans]
    return [piece if piece.text.strip() else _Piece(owner, BLANK, piece.size) for piece in pieces]


def _batches(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
    size = 0
    for piece in pieces:
        if batch and (len(batch) == _BATCH_PIECES or size + piece.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += piece.size
    if batch:
        yield batch


def _loaded() -> Any:
    litellm: Any = import_litellm()
    # Its embedding path reads `max_retries or DEFAULT_MAX_RETRIES`, so a 0 that is passed means 2.
    litellm.DEFAULT_MAX_RETRIES = 0
    return litellm
