"""Real servers for the tests: processes on loopback, on free ports, with their data in temporary folders."""
