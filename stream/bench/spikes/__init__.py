"""How good is the spike detector, next to the usual ones and to an oracle?

``histories`` makes seeded histories of brands with incidents of known size,
``rivals`` are the other detectors, ``measure`` runs all of them and counts,
``report`` and ``plots`` show it. ``labelled`` reads a file of labelled tweets.
"""
