"""The sink that keeps its rows in this process's memory; for tests."""
