"""The sink on chDB, the ClickHouse engine inside this process."""
