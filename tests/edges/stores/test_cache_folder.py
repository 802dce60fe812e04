"""No vector that came with a checkout is ever believed."""

import sys
from pathlib import Path

import pytest

from harness.edges.stores.cache_folder import vectors_folder
from harness.errors import SetupError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="homes are named in another way there")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "home" / "work" / "project").mkdir(parents=True)
    return tmp_path / "home" / "work" / "project"


def test_vectors_lie_in_the_users_cache_apart_for_every_project_and_endpoint(
    tmp_path: Path, root: Path
) -> None:
    home = {"HOME": str(tmp_path / "home")}
    found = vectors_folder(home, root)
    assert found is not None
    assert found.is_relative_to(tmp_path / "home")
    assert not found.is_relative_to(root)
    assert found == vectors_folder(home, root)
    other = vectors_folder(home, root.parent)
    bent = vectors_folder(home, root, api_base="https://example.invalid/v1")
    assert len({found, other, bent}) == 3
    assert not found.exists(), "naming a folder makes none"


def test_the_environment_says_where(tmp_path: Path, root: Path) -> None:
    home, cache, own = (str(tmp_path / name) for name in ("home", "cache", "own"))
    if sys.platform == "linux":
        found = vectors_folder({"HOME": home, "XDG_CACHE_HOME": cache}, root)
        assert found is not None
        assert found.is_relative_to(tmp_path / "cache" / "drift")
    found = vectors_folder({"HOME": home, "XDG_CACHE_HOME": cache, "DRIFT_CACHE_DIR": own}, root)
    assert found is not None
    assert found.is_relative_to(own)


def test_a_cache_that_a_branch_could_bring_along_is_not_used(tmp_path: Path, root: Path) -> None:
    assert vectors_folder({"HOME": str(root)}, root) is None, "as some CI services set it"
    assert vectors_folder({"HOME": str(root / "home")}, root) is None
    (root / "linked").mkdir()
    (tmp_path / "away").symlink_to(root / "linked")
    assert vectors_folder({"HOME": str(tmp_path / "away")}, root) is None
    assert vectors_folder({}, root) is None
    work = root.parent
    outside = {"HOME": str(work / "elsewhere")}
    assert vectors_folder(outside, root) is not None
    (work / ".git").mkdir()
    assert vectors_folder(outside, root) is None, "the project is a folder of a larger work tree"
    (root / ".git").write_text("gitdir: ../.git/modules/project\n", encoding="utf-8")
    assert vectors_folder(outside, root) is None, "or a repository in another one"


@pytest.mark.parametrize("named", ["cache", "./cache", "{root}/cache", "{root}", "{root}/../project/.cache"])
def test_a_place_within_a_branchs_reach_is_refused_where_somebody_asks_for_it(root: Path, named: str) -> None:
    with pytest.raises(SetupError, match=r"DRIFT_CACHE_DIR is .* name an absolute path outside"):
        vectors_folder({"DRIFT_CACHE_DIR": named.format(root=root)}, root)
