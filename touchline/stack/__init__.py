"""The stack that runs on one machine with no server to install: embedded broker, workers, sink."""
