"""Text in, label out. Knows nothing of Kafka.

``normalise`` cleans a text, an engine (``engines``) turns texts into class
probabilities, ``training`` makes the weights, ``evaluation`` judges them and
``bundled`` is the model that ships.
"""
