"""Fuzz the parsers of tests/fuzz with atheris, led by which lines of drift each input reaches.

    python scripts/fuzz.py [--seconds 60] [--keep FOLDER] [PARSER ...]

Every parser has a process of its own, because a finding ends it. What was found is written into FOLDER, by
parser: make it a line of tests/fuzz/families.py.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
_PACKAGES = ["harness", "yaml", "jinja2"]


def fuzz_one(name: str, arguments: list[str]) -> None:
    """Fuzz one parser until the time is up or something is found; does not return."""
    import atheris  # type: ignore[import-not-found]  # only where it is wanted

    with atheris.instrument_imports(include=_PACKAGES):
        from tests.fuzz.parsers import PARSERS
        from tests.fuzz.watched import wrong_with_parser

        # What is imported late is imported here, or its lines would not be counted.
        for seed in PARSERS[name].seeds():
            wrong_with_parser(name, seed)

    def holds(content: bytes) -> None:
        wrong = wrong_with_parser(name, content)
        if wrong is not None:
            raise AssertionError(wrong)

    atheris.Setup([sys.argv[0], *arguments], holds)
    atheris.Fuzz()


def fuzz(name: str, *, seconds: int, keep: Path) -> bool:
    """Fuzz one parser in a process of its own, from its valid documents on; say whether it held."""
    from tests.fuzz.parsers import PARSERS

    keep.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as corpus:
        for number, seed in enumerate(PARSERS[name].seeds()):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2000", "-max_len=20000"]
        prefix = f"-artifact_prefix={keep}/{name.replace(' ', '-').replace(',', '')}-"
        command = [sys.executable, __file__, "--one", name, "--", *options, prefix, corpus]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", env=_environment()
        )
    last = [line for line in done.stderr.splitlines() if "exec/s" in line or "Error" in line][-3:]
    print(f"{'held' if done.returncode == 0 else 'FOUND'}  {name}\n    " + "\n    ".join(last), flush=True)
    return done.returncode == 0


def _environment() -> dict[str, str]:
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}


def main() -> int:
    """Fuzz the parsers that are named, else all, and return 1 where something was found."""
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:2] == ["--one"]:
        fuzz_one(sys.argv[2], sys.argv[4:])
    from tests.fuzz.parsers import PARSERS

    known = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known.add_argument("parsers", nargs="*", metavar="PARSER", help=", ".join(PARSERS))
    known.add_argument("--seconds", type=int, default=60, help="of each parser")
    known.add_argument("--keep", type=Path, default=ROOT / ".drift" / "cache" / "fuzz")
    chosen = known.parse_args()
    unknown = set(chosen.parsers) - PARSERS.keys()
    if unknown:
        known.error(f"no such parser: {', '.join(sorted(unknown))}")
    names = chosen.parsers or list(PARSERS)
    held = [fuzz(name, seconds=chosen.seconds, keep=chosen.keep.resolve()) for name in names]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
