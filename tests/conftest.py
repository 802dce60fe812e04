"""One setting for all property tests: the same examples on every run, and no clock."""

from hypothesis import settings

settings.register_profile("drift", deadline=None, derandomize=True)
settings.load_profile("drift")
