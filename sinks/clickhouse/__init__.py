"""The sink on a ClickHouse server, and what every ClickHouse has in common: its error codes."""
