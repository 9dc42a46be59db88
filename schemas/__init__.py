"""The public formats: kinds and their Avro schemas, the records of the journeys log, the rows and the topics."""
