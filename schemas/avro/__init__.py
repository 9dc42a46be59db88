"""Avro and JSON: how records are written, read and evolve."""
