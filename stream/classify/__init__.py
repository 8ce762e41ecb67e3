"""Stage: ``tweets`` in, ``tweets.labeled`` and ``tweets.dead`` out.

Stateless but for ``progress``: how far each source partition has come, which
goes in-band into every labelled partition as watermarks. ``outcome`` is the
pure middle (decoded tweets and probabilities to records), ``agent`` the loop.
"""
