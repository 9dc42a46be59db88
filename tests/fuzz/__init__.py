"""Fuzzing: random inputs, most of them nearly valid, at every place where bytes of others come in."""
