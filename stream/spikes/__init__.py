"""Is something happening to a brand? Closed panes in, spikes out. Pure: no clock, no I/O.

``Detector.closed`` is called once for each pane, when it first closes, in event
time order for each brand. It answers with the spikes that open, go on or close
there. ``pane`` has what goes in and out, ``rules`` every threshold, ``state``
what is remembered of a brand, ``codec`` writes that down in small parts.

A pane goes into ``recent``; hours that are over go from there into ``history``,
from which ``baseline`` tells what share and volume to expect. ``score`` is the
statistics: how far a window is from that. ``docs/spikes.md`` explains and
measures it.
"""
