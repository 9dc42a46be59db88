"""Real servers for the tests: processes on loopback, on free ports, data in temporary folders."""
