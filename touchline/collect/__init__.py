"""The HTTP collector: touchpoints come in by HTTP, are checked as the workers check them, and are published."""
