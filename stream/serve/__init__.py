"""``barometer serve``: the HTTP API and the live page, from a read model of its own.

``reader`` reads the topics and hands records to ``state``, which keeps what is
shown (``read``). ``overview`` and ``series`` make answers from it, ``events``
tells listeners what changes, ``publisher`` writes tweets. ``app`` ties the
``routes`` together behind ``limits``; ``run`` composes it all. Everything but
the reader's thread, the model and long series runs in one event loop, so that
nothing needs a lock.
"""
