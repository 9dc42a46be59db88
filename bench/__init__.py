"""Benchmarks: the whole pipeline, and each stage by itself. `python -m bench --help`."""
