"""Benchmarks: one runner, figures with machine facts in results/."""
