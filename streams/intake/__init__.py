"""What happens to one message, as pure logic: accepted or refused, its identity, its place in event time."""
