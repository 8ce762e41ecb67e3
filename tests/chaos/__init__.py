"""The chaos suite: break everything while a backlog lasts, and count every tweet.

``python -m tests.chaos --seed 7`` is one run. ``scenarios`` says what there is
to run, ``plan`` draws the faults of a seed, ``site`` injects them, ``source``
makes the file and knows what must become of each record, ``watch`` looks on,
``verify`` judges at the end, ``run`` puts it together. ``bugs`` holds mistakes
that the suite must find.
"""
