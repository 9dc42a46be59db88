"""Kafka: clients, topics, chunks, offsets, the changelog."""
