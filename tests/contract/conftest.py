"""What the contracts of every kind share: one database server for all tests of a process."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer, postgres_server, why_not


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests of a process."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with postgres_server() as running:
        yield running
