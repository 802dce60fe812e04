"""What `init` writes and `demo` runs: the original canaries and a configuration that needs no key."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable


def scaffold_files() -> Mapping[str, str]:
    """Return every file of a new project by its path below the root."""
    found: dict[str, str] = {}
    _collect(files(__name__) / "files", "", found)
    return dict(sorted(found.items()))


def _collect(folder: Traversable, prefix: str, found: dict[str, str]) -> None:
    for entry in folder.iterdir():
        # A dot at the start would hide the file from packaging tools; it is written as "dot-".
        name = (
            f"{prefix}{entry.name.replace('dot-', '.', 1) if entry.name.startswith('dot-') else entry.name}"
        )
        if entry.is_dir():
            _collect(entry, f"{name}/", found)
        else:
            found[name] = entry.read_text(encoding="utf-8")
