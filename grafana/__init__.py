"""Grafana: what it is provisioned with, and the dashboards, which are written by ``python -m grafana.generate``.

kit            how all panels look: colours, units, legends, variables, links
boards/        one dashboard a file: what it shows, and why
dashboards/    the JSON that Grafana reads; generated, committed
provisioning/  data sources, and where the dashboards are
"""
