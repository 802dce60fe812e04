"""What must not stand in the tree, and how long a module may be."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 300
LONGER: Mapping[str, str] = {
    "harness/reporting/drawing.py": "one SVG drawing",
    "harness/ports.py": "protocols only, all that flows need from outside",
    "harness/reporting/model.py": "types only, the view model in one place",
}
"""Modules over the limit, each with what keeps it whole."""

BANNED = {
    "a package index or a mirror": re.compile(
        r"(?i)\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|(?:download\.)?pytorch\.org/whl|"
        r"[\w.-]*(?:artifactory|jfrog|nexus|devpi|codeartifact)[\w-]*\.[\w.-]+)"
        r"|--(?:extra-)?index-url[ =]|--find-links[ =]|^\s*(?:extra-)?index-url\s*="
    ),
    "a path of somebody's machine": re.compile(
        r"(?<![\w.~$}>-])/(?:home|Users|root|work|mnt|media|private)/[A-Za-z0-9._-]+|\b[A-Za-z]:\\\\?Users\\"
    ),
    "something left to do": re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b"),
}
ALLOWED = {
    "tests/architecture/test_words.py": "it has to write down what it looks for",
}


def tracked_files() -> list[Path]:
    """Every file that is, or would be, in git."""
    done = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout: which files belong to the project is not known")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """Every text file by its path; what is not UTF-8 is no text."""
    found = []
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if name not in ALLOWED:
            found.append((name, text))
    return found


@pytest.mark.parametrize("what", BANNED)
def test_the_tree_is_free_of(what: str) -> None:
    # A lock file names the packages and their hashes, and nothing of where somebody got them.
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if BANNED[what].search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a package index or a mirror", "--index-url https://mirror.example/simple"),
        ("a package index or a mirror", "see https://files.pythonhosted.org/packages"),
        ("a package index or a mirror", "https://nexus.corp.example/repository"),
        ("a path of somebody's machine", 'open("/home/someone/data")'),
        ("a path of somebody's machine", "cd /work/main"),
        ("something left to do", "# TODO later"),
    ],
)
def test_the_rules_find_what_they_look_for(what: str, line: str) -> None:
    assert BANNED[what].search(line)


def test_every_text_ends_its_lines_with_lf_and_holds_no_bidi_control() -> None:
    bidi = re.compile("[\u202a-\u202e\u2066-\u2069]")
    written = [path for path in tracked_files() if path.suffix != ".png"]
    assert not [path.name for path in written if b"\r\n" in path.read_bytes()[:100_000]]
    assert not [name for name, text in texts() if bidi.search(text)]


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "harness").rglob("*.py")
    }
    too_long = {name for name, lines in lengths.items() if lines > MOST_LINES}
    assert too_long - LONGER.keys() == set(), "split it, or say here what keeps it whole"
    assert LONGER.keys() - too_long == set(), "no longer an exception: delete its line"
