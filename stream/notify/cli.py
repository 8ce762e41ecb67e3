"""``barometer notify``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
Examples:
  BAROMETER_NOTIFY_URLS=slack://BOT-TOKEN/#reputation barometer notify --test
  BAROMETER_NOTIFY_URLS_FILE=/run/secrets/notify barometer notify
"""
)
@click.option("--port", type=click.IntRange(1, 65_535), metavar="PORT", help="Hear Alertmanager on this port.")
@click.option("--test", "as_test", is_flag=True, help="Send a sample to every target, say who took it, and end.")
def notify(port: int | None, as_test: bool) -> None:
    """Tell people of alerts, with the evidence, until stopped.

    Hears Alertmanager's webhook (infra/alertmanager/alertmanager.yml sends it
    here), adds the sentence, terms, tweets and plot of the spike behind an
    alert, and sends it on to Slack, Teams, e-mail and a hundred others through
    Apprise. What was sent is remembered in Kafka: a restart repeats nothing.

    The targets are secrets, so there is no flag for them: set
    BAROMETER_NOTIFY_URLS or BAROMETER_NOTIFY_URLS_FILE.
    """
    from infra.logs import set_up_logging
    from infra.settings import load_settings

    settings = load_settings(notify_port=port)
    set_up_logging(settings)
    if as_test:
        from stream.notify.sample import send_sample

        took = send_sample(settings, click.echo)
        raise click.exceptions.Exit(0 if took else 1)

    from stream.notify.run import work

    work(settings)
