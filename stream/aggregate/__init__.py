"""Stage: ``tweets.labeled`` in, ``reputation.windows`` out, its own state in ``reputation.panes``.

The core is pure and a function of the labelled partition alone, with no clock:
``pane`` counts, ``event_clock`` turns in-band progress into a watermark and
``fold`` applies a batch to the state of one partition. ``codec`` writes that
state as records, ``store`` saves it in one fenced transaction for each batch,
``agent`` is the loop.
"""
