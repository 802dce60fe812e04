"""Benchmarks: speed, as ratios beside their limits."""
