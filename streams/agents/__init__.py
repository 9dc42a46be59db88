"""The thin agents between Kafka and the pure logic: INGEST, STITCH and SINK."""
