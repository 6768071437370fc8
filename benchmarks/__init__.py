"""Timings: ``python -m benchmarks`` for all, others one by one."""
