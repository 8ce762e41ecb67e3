"""Everything that touches Kafka's own interfaces.

``clients`` configures producers and consumers, ``admin`` makes and checks
topics, ``local`` runs a real broker on this machine, ``ledger`` decides which
offset may be committed and ``membership`` ties it to Faust's consumer.
"""
