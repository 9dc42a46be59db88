"""Real servers for tests and benchmarks: processes on loopback, on free ports, their data in temporary folders."""
