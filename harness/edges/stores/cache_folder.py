"""Where derived vectors are kept: in the user's cache, never in the work tree."""

import sys
from collections.abc import Mapping
from pathlib import Path

from harness.core.canonical import digest
from harness.errors import UnsafePath

VARIABLE = "DRIFT_CACHE_DIR"


def vectors_folder(environment: Mapping[str, str], root: Path, *, api_base: str | None = None) -> Path | None:
    """Return the folder for the vectors of the project in `root`, or None where no place is out of a branch's reach.

    Whatever lies in the work tree may have come with a stranger's branch (`git add -f`), and a forged vector
    can hide a drift. Projects share nothing, nor do two endpoints that call their models by the same name.
    Raises SetupError for a DRIFT_CACHE_DIR that is relative or in the work tree.
    """
    named = environment.get(VARIABLE)
    base = Path(named) if named else _user_cache(environment)
    usable = base is not None and base.is_absolute() and not _in_work_tree(base, root)
    if named and not usable:
        raise UnsafePath(
            f"{VARIABLE} is {named}, which is relative or lies in the work tree, where a branch can bring files "
            "of its own; name an absolute path outside"
        )
    if base is None or not usable:
        return None
    return base / "vectors" / digest([str(root.resolve()), api_base])[:24]


def _user_cache(environment: Mapping[str, str]) -> Path | None:
    chosen = environment.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    if chosen:
        return Path(chosen) / "drift"
    home = environment.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    if not home:
        return None
    return Path(home) / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "drift"


def _in_work_tree(path: Path, root: Path) -> bool:
    real = path.resolve()
    place = root.resolve()
    # The outermost, because a repository may hold others.
    trees = [folder for folder in (place, *place.parents) if (folder / ".git").exists()]
    return real.is_relative_to(trees[-1] if trees else place)
