"""What is kept: writers for a ClickHouse server, an embedded one and memory, and the tables they fill."""
