"""``barometer demo``: everything on this machine in one command, watched live.

``run`` composes a Kafka, a supervised worker and a replay. ``observer`` reads
the topics as any other consumer would, ``tally`` and ``windows`` account for
what it reads and never ask the worker, ``view`` draws it, and ``summary`` says
at the end whether all of it adds up.
"""
