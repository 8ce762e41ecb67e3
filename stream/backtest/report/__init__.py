"""What a person sees of a backtest: on the terminal (``show``), and in files (``write``, ``plots``, ``page``)."""
