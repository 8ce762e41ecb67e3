"""``barometer dead``: look at what could not be processed, and send it again.

cli      the commands                          lines    what a letter says, safe for a terminal
letters  reads, picks and counts tweets.dead   replay   back to ``tweets``, once, in transactions

A letter that is dealt with gets a second record in ``tweets.dead`` under its
key, of type ``settled``: the topic keeps everything for its retention, so
nothing is removed, and what was done can be seen.
"""
