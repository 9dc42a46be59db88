"""Pure: touchpoints of customers in, journeys out. Imports no Kafka, Faust or ClickHouse.

`partition.Partition` holds the customers and metric buckets of one partition of the journeys log; `timeline` keeps one
customer's touchpoints in event-time order; `fold` applies them to a `state.CustomerState` through the machines beside
it (`carts`, `calls`, `surveys`, `cases`, `purchases`, `shifts`); what they find goes to an `effects.Effects`.
"""
