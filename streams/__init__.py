"""The stream processing: pure logic, the agents around it, Kafka, and the process they run in."""
