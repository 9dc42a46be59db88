"""What every process has: telemetry, health, logging, exit, clock, retry."""
