"""A project on a provider that fails by a schedule; built once, and copied by whoever plays on it."""

import shutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.faults.stages import build_project
from tests.support.faults import write_entry_point


@pytest.fixture(scope="session")
def scheduled_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let `scheduled/NAME` be found, as an installed provider is."""
    place = str(write_entry_point(tmp_path_factory.mktemp("installed")))
    sys.path.append(place)
    with pytest.MonkeyPatch.context() as patched:
        # Nothing is installed meanwhile, and looking through all that is takes a third of a night's time.
        patched.setattr("harness.registry.entry_points", cache(entry_points))
        yield
    sys.path.remove(place)


@pytest.fixture(scope="session")
def template(scheduled_provider: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with its baselines. Tests copy it."""
    return build_project(tmp_path_factory.mktemp("template") / "project")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A project to play on."""
    return Path(shutil.copytree(template, tmp_path / "project"))
