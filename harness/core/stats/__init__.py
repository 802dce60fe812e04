"""Statistics on numpy and scipy.special; `scipy.stats` is the tests' oracle."""
