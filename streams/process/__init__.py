"""The worker and the sink as processes: the Faust apps, and running one."""
