"""``barometer tail``: watch a topic.

cli     the command                              show    which records, and onto the screen
watch   reads a topic outside any group          lines   what a record says, safe for a terminal
"""
