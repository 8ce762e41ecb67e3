"""How good a model is on a labelled file.

``metrics`` computes (pure), ``plots`` draws, ``report`` writes tables, ``cli``
is ``barometer evaluate``. ``run`` labels a file and times it.
"""
