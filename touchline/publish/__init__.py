"""Publishing: JSON lines are checked, put in order of event time, and sent to their topics."""
