"""Find what Python runs at its start without being asked, and nobody expects.

A `.pth` file in site-packages puts folders on the path, and each of its lines that begins with ``import`` is
run by every Python of the environment; so are `sitecustomize` and `usercustomize`. Stolen releases have used
them, because nothing has to import the package. Run it without those lines, or they could hide themselves:

    python -I -S scripts/check_pth.py [SITE_PACKAGES …]

Without an argument, the environment's own site-packages are read. Exits 1 and names what is not expected.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_START = ("sitecustomize", "usercustomize")
_DISTUTILS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim();"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A file that may be there, and the only lines that it may hold."""

    why: str
    lines: tuple[str, ...]
    module: str = ""
    """What a line imports from beside it, which is trusted no further than what it holds."""
    digests: tuple[str, ...] = ()
    """sha256 of every content that the module may have."""


EXPECTED = {
    "_editable_impl_drift_harness.pth": Expected(
        why="this project, installed editable: its folder, and nothing to run", lines=(str(ROOT),)
    ),
    "distutils-precedence.pth": Expected(
        why="setuptools, which `python -m venv` of Python 3.11 brings: distutils is its own copy",
        lines=(_DISTUTILS,),
    ),
    "_virtualenv.pth": Expected(
        why="an environment made by virtualenv or `uv venv`: distutils installs into it",
        lines=("import _virtualenv",),
        module="_virtualenv",
        digests=(
            "0aeb86546345c1d0fada097536e35525714d5cdbcc2d8eb3f9912a955044fcff",  # virtualenv 20.24
            "0f20351ea7e90039c46d3fabdef991f28b1e3ff33eb13ee6f0d5cd21ea0e8b14",  # virtualenv 20.26 to 20.29
            "07584d2a5d13e0811eb567d78ed2aca0fb60e7defff59a01ca7a48d907bdea51",  # virtualenv 21.15
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """Something that runs at the start, or changes what is imported, and is not expected."""

    path: Path
    line: int | None
    what: str

    def __str__(self) -> str:
        """Return it as ``path:line: what``, on one line."""
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.what}".encode("unicode_escape").decode()


def find_surprises(folders: Sequence[Path]) -> tuple[Surprise, ...]:
    """Return what is not expected in these site-packages, and in the folders that their `.pth` files add."""
    found: list[Surprise] = []
    added: list[Path] = []
    for folder in folders:
        for path in sorted(folder.glob("*"), key=str):
            if path.name.endswith(".pth"):
                found += _in_pth(path)
                added += [folder / line for _, line in _lines(path) if not _runs(line)]
    for folder in dict.fromkeys((*folders, *added)):
        found += _at_start(folder)
        found += _brought_along(folder)
    return tuple(found)


def _in_pth(path: Path) -> Iterator[Surprise]:
    expected = EXPECTED.get(path.name)
    if expected is None:
        yield Surprise(path=path, line=None, what="nobody expects this .pth file")
    for number, line in _lines(path):
        if expected is None or line not in expected.lines:
            does = "runs at every start" if _runs(line) else "adds a folder to the path"
            yield Surprise(path=path, line=number, what=f"{does}: {line[:200]}")


def _at_start(folder: Path) -> Iterator[Surprise]:
    """Find modules, packages and extension modules by the names that Python imports at its start."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), key=str):
        if path.name.partition(".")[0] in AT_START and not path.name.endswith(".dist-info"):
            yield Surprise(path=path, line=None, what="is imported at every start")


def _brought_along(folder: Path) -> Iterator[Surprise]:
    """Find what an expected `.pth` file imports, where it is not to the byte what it is known to be."""
    if not folder.is_dir():
        return
    for expected in EXPECTED.values():
        if not expected.module:
            continue
        for path in sorted(folder.iterdir(), key=str):
            if path.name.partition(".")[0] != expected.module or path.suffix == ".pth":
                continue
            known = path.name == f"{expected.module}.py" and path.is_file()
            if not known or hashlib.sha256(path.read_bytes()).hexdigest() not in expected.digests:
                yield Surprise(
                    path=path, line=None, what="is imported at every start, and holds what nobody knows"
                )


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the numbered lines that Python's `site` does not pass over."""
    if not path.is_file():
        return []
    # With any byte kept, and every line end that `site` knows.
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        lines = [line.rstrip() for line in file]
    return [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]


def _runs(line: str) -> bool:
    return line.startswith(("import ", "import\t"))


def site_packages() -> tuple[Path, ...]:
    """Return the site-packages of the Python that runs this, also where it was started without `site`."""
    home = Path(sys.executable).parent.parent
    base = str(home) if (home / "pyvenv.cfg").is_file() else sys.prefix
    places = {"base": base, "platbase": base, "installed_base": base, "installed_platbase": base}
    paths = [Path(sysconfig.get_path(name, vars=places)) for name in ("purelib", "platlib")]
    return tuple({os.path.realpath(path): path for path in paths if path.is_dir()}.values())


def main() -> int:
    """Report on the folders named, or on the environment's own."""
    folders = tuple(map(Path, sys.argv[1:])) or site_packages()
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing or not folders:
        print(f"no such site-packages: {', '.join(missing) or 'none found'}", file=sys.stderr)
        return 2
    surprises = find_surprises(folders)
    for surprise in surprises:
        print(surprise, file=sys.stderr)
    if surprises:
        print(
            "This runs whenever Python starts. Find out which package brought it before anything else is run "
            "here; if it belongs, add it with its reason to EXPECTED in scripts/check_pth.py.",
            file=sys.stderr,
        )
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
