"""What ``serve`` knows: built from the topics alone, by one thread, bounded in memory. Pure: no clock, no I/O.

``ReadModel.apply`` takes the next record of any partition and says what it
changed. ``minutes`` keeps the windows, packed; ``tweets`` the latest of each
brand and label; ``spikes`` the newest record of each spike; ``positions`` how
far every partition has been read, as event ids. Reading on from anywhere, any
order among partitions and any record twice come to the same.
"""
