"""The order of steps, nothing else. What they work with comes in through `harness.ports`."""
