"""Timings, runnable one by one: ``python -m benchmarks.whole_analysis``."""
