"""The console command, the embedded stack, the report and the simulation."""
