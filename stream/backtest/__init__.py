"""Backtest: the windows and spikes that the stream would have made of a file, offline.

Not a second implementation: tweets go through the same fold, detector and
evidence, so that what a backtest says of a setting is what the stream would
have done. Only the two ends differ, a file instead of a topic and a report
instead of topics.

    tweets     rows of any file that replay reads      labelled  tweets that have their labels already
    order      event-time order, on disk               labels    the model, and its answers kept in ``cache``
    timeline   tweets in, windows and spikes out       result    what came of it
    incidents  what is known to have happened          score     how well spikes tell it
    sweep      other thresholds, recommended settings  report/   terminal, JSON, plots, pages
"""
