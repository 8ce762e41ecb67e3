"""``barometer rebuild``: the aggregate's state made again from ``tweets.labeled``, one partition at a time.

refold   the same pure fold that workers use, over the labelled tweets that are left
compare  what the topics hold against what should be there
plan     only what differs is written, by the producer that fences every worker
cli      the command

What retention has removed from ``tweets.labeled`` cannot be counted again. There
the windows know better: one that counts more tweets than are left is kept, and
its pane, if it may still change, is made from it. Nor can spikes be told again
from less history: what is remembered for them is kept.
"""
