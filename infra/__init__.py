"""What the flow stands on: settings, errors, processes, Kafka. Knows nothing of tweets."""
