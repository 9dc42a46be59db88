"""What people touch: the console command, the embedded stack, the report, the simulation."""
