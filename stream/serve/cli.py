"""``barometer serve``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  barometer serve
  barometer serve --host 0.0.0.0 --port 80 --no-model
  curl -s localhost:8000/brands | jq '.brands[].brand'
"""
)
@click.option("--host", metavar="ADDRESS", help="Address to serve on; 127.0.0.1 unless told otherwise.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="PORT", help="Port; 8000 unless told otherwise.")
@click.option("--no-model", is_flag=True, help="Load no model: everything but /predict works.")
def serve(host: str | None, port: int | None, no_model: bool) -> None:
    """Serve the live page and the HTTP API, until stopped.

    It reads the topics and keeps nothing of its own: start as many as you need.
    What the API offers is at /docs. SIGTERM or Ctrl-C ends open streams and
    finishes what is being answered.
    """
    from infra.logs import set_up_logging
    from infra.settings import load_settings

    settings = load_settings(serve_host=host, serve_port=port)
    set_up_logging(settings)

    from model.remembering import load_remembering
    from stream.serve.run import serve as run

    run(settings, None if no_model else lambda: load_remembering(settings))
