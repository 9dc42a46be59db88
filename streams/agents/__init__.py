"""The thin agents between Kafka and the pure logic: INGEST, JOURNEYS and SINK."""
