"""What `touchline doctor` checks.

Run looks at everything in order; kafka and clickhouse look at one server each; probe tells apart why a server cannot be
reached.
"""
