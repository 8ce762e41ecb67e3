"""What Prometheus records and alerts on: ``reputation`` and ``pipeline`` say it, ``generate`` writes ``rules/``.

Thresholds come from the settings (``thresholds``), so that what alerts and what
the worker decides cannot drift apart. ``tests/`` holds promtool's tests.
"""
