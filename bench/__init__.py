"""Speed, measured: the whole way of an event, and each stage by itself. `python -m bench --help`."""
