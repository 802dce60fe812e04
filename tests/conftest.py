"""One setting for all property tests: the same examples on every run, and no clock."""

import gc
import os

from hypothesis import settings

settings.register_profile("drift", deadline=None, derandomize=True)
settings.load_profile("drift")

# Workers share the cores: a thread of torch that spins while it waits takes its core from another test.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_finish() -> None:
    """Leave what collecting the tests made out of every later search for cycles: it lives to the end."""
    gc.collect()
    gc.freeze()
