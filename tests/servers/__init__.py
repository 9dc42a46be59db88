"""What the tests do with the servers of `servers/`: fixtures, topics, load, pipelines and their rows."""
