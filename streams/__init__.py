"""What computes: the Faust apps, reading and writing Kafka in batches, the settings, the logs and the metrics."""
