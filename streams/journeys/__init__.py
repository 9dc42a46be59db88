"""One customer's life, as pure logic: no I/O, no wall clock, no randomness.

`partition.Partition` holds the customers and metric buckets of one partition of the journeys log; `customer` keeps one
customer's touchpoints in event-time order; `fold` applies them to a `life.Life` through the machines beside it
(`carts`, `calls`, `surveys`, `cases`, `purchases`, `shifts`); what they find goes to an `effects.Effects`.
"""
