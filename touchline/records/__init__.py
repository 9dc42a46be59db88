"""The records that producers send: which there are, an example of each, and whether a message is a good one."""
