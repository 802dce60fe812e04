"""The project on disk: `drift.yaml`, found upwards, and the folders below its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.config import Config
from harness.edges.encoders import ENCODERS
from harness.edges.files.strict_yaml import Document, read_yaml
from harness.edges.files.validation import build
from harness.errors import DocumentError, Problem, UsageError
from harness.simulator.spec import model_spec

CONFIG_NAME = "drift.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A configuration and where it applies."""

    root: Path
    config_path: Path
    config: Config

    @property
    def baselines(self) -> Path:
        """Accepted baselines, in git."""
        return self.root / "baselines"

    @property
    def reports(self) -> Path:
        """Run folders."""
        return self.root / "reports"

    @property
    def cache(self) -> Path:
        """What can be rebuilt."""
        return self.root / ".drift" / "cache"


def find_config(start: Path) -> Path:
    """Return the nearest `drift.yaml` from `start` upwards. Raises UsageError."""
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise UsageError(f"no {CONFIG_NAME} in {start} or above it; `drift init` writes one")


def config_path(start: Path, named: Path | None = None) -> Path:
    """Return where the configuration is: the one named, or the nearest one. Raises UsageError."""
    path = (start / named if named else find_config(start)).resolve()
    if not path.is_file():
        raise UsageError(f"{path} is not there, or not a file; check --config")
    return path


def load_project(start: Path, named: Path | None = None) -> Project:
    """Read the configuration named, or the nearest one. Raises DocumentError, UsageError."""
    path = config_path(start, named)
    document = read_yaml(path, root=path.parent)
    config = build(document, Config, forbid_secrets=True)
    problems = tuple(_unknown_parts(document, config))
    if problems:
        raise DocumentError(problems)
    return Project(root=path.parent, config_path=path, config=config)


def _unknown_parts(document: Document, config: Config) -> Iterator[Problem]:
    """Find names that stand for nothing: an encoder, a simulated model or one of its options."""
    if not ENCODERS.knows(config.encoder.kind):
        yield document.problem(("encoder", "name"), ENCODERS.unknown(config.encoder.kind))
    for name, target in config.targets.items():
        if target.provider == "simulated":
            try:
                model_spec(target.model.removeprefix("simulated/"), target.options)
            except UsageError as error:
                for line in str(error).splitlines():
                    yield document.problem(("targets", name, "options" if ": " in line else "model"), line)
