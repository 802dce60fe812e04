"""Where nights and incidents are remembered: one store on SQLAlchemy Core, and what its databases differ in.

Every part of the table is a factory ``open_history(place, redact) -> HistoryStore``, with a file or a URL as its
place. Opening one imports the library and touches neither disk nor network.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from harness.core.config import HistorySpec
from harness.errors import MissingKey
from harness.ports import HistoryStore
from harness.registry import Registry


class HistoryFactory(Protocol):
    """Makes a history store."""

    def __call__(self, place: str, redact: Callable[[str], str]) -> HistoryStore:
        """Return the store at `place`. Raises SetupError."""
        ...


HISTORY_STORES: Registry[HistoryFactory] = Registry(
    kind="history store",
    group="harness.history_stores",
    table={
        "sqlite": "harness.edges.stores.history.sqlite:open_history",
        "postgresql": "harness.edges.stores.history.postgresql:open_history",
    },
)


def open_configured(
    spec: HistorySpec, environment: Mapping[str, str], file: Path, redact: Callable[[str], str]
) -> HistoryStore:
    """Return the history that the configuration names, else the one in `file`. Raises InputError.

    The URL holds a password, so it is read from the environment only and never shown.
    """
    if spec.url_env is None:
        return HISTORY_STORES.load("sqlite")(str(file), redact)
    url = environment.get(spec.url_env, "").strip()
    if not url:
        raise MissingKey(
            f"history.url_env names {spec.url_env}, which is not set; set it to the database's URL, "
            f"or take `history` out of drift.yaml to use {file}"
        )
    scheme, separator, _ = url.partition("://")
    name = (
        scheme.partition("+")[0].lower().replace("postgresql", "postgres").replace("postgres", "postgresql")
    )
    if not separator or not HISTORY_STORES.knows(name) or name == "sqlite":
        raise MissingKey(
            f"{spec.url_env} is no URL of a database that drift can write; "
            "expected postgresql://USER:PASSWORD@HOST/NAME"
        )
    return HISTORY_STORES.load(name)(url, redact)
