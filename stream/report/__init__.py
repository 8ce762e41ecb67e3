"""Report: a brand over a time on one HTML page that needs nothing else, to be sent on.

gather   windows and spikes of the brand: from Kafka, or from a file by the backtest
picture  the plot as SVG whose colours follow the page's
page     the page
"""
