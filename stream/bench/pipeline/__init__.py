"""``barometer bench pipeline``: the whole flow on a real Kafka, next to the engine alone.

load      what is published              site     Kafka, topics and workers to measure on
worker    a worker that tells its cost   measure  one measurement: a backlog, or a steady rate
timing    figures from append times      plan     which measurements, and what comes of them
"""
