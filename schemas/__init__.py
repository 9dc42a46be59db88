"""What may be said: the Avro schemas, both ways of writing them, the journeys log, the facts and the topics."""
