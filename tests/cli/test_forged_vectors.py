"""A branch that brings vectors along (`git add -f`) is not believed."""

from pathlib import Path

import numpy as np
import pytest

from harness.core.canonical import text_digest
from harness.edges.stores.vectors import UnkeptVectors, VectorStore
from harness.errors import SetupError
from harness.wiring import open_workshop
from tests.cli.conftest import files_of, write_project
from tests.support.fakes import DigestEncoder

TEXTS = {text_digest(text): text for text in ("I'm sorry, but no.", "Certainly. Here it is.")}


class Forger(DigestEncoder):
    """Finds any two answers equal."""

    def encode(self, texts: object) -> np.ndarray:  # type: ignore[override]
        return np.tile(np.eye(1, self.dimension, dtype=np.float32), (len(TEXTS), 1))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    write_project(tmp_path / "project")
    return tmp_path / "project"


def test_vectors_in_the_work_tree_are_neither_read_nor_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFT_CACHE_DIR", str(tmp_path / "cache"))
    forged = root / ".drift" / "cache" / "vectors"
    VectorStore(folder=forged, encoder_digest="fake:1").vectors(TEXTS, Forger())
    before = files_of(root)
    encoder = DigestEncoder()
    found = open_workshop(root, None, None).vectors(encoder).vectors(TEXTS, encoder)
    assert sorted(encoder.asked) == sorted(TEXTS.values())
    first, second = found.values()
    assert abs(float(first @ second)) < 0.9
    again = DigestEncoder()
    open_workshop(root, None, None).vectors(again).vectors(TEXTS, again)
    assert again.asked == [], "kept all the same, where no branch can put a file"
    assert files_of(root) == before


def test_vectors_of_the_builtin_encoder_are_made_anew_and_leave_nothing_behind(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFT_CACHE_DIR", str(tmp_path / "cache"))
    workshop = open_workshop(root, None, None)
    assert isinstance(workshop.vectors(workshop.encoder()), UnkeptVectors)
    assert not (tmp_path / "cache").exists()


def test_a_work_tree_whose_drift_folder_leads_elsewhere_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (root / ".drift").symlink_to(tmp_path / "away")
    with pytest.raises(SetupError, match=r"\.drift: leads out of"):
        _ = open_workshop(root, None, None).baselines
    assert not list((tmp_path / "away").iterdir())
