"""The model: whether it is whole, and labels a text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from infra.errors import BarometerError, MissingExtraError
from infra.settings import Settings
from stream.doctor.finding import Finding, fail, ok, warn

_TEXT = "the crew was wonderful, thank you"
_FIX = "run in Barometer's folder: pip install --force-reinstall . ; or set BAROMETER_MODEL to another"


def model(settings: Settings) -> Iterator[Finding]:
    """Load the model and label a text with it; one on a hub is not fetched."""
    from model.engines import BUNDLED, load_from_settings

    if settings.model != BUNDLED and not Path(settings.model).expanduser().exists() and settings.model.count("/") <= 1:
        fix = f'run: barometer try "{_TEXT}"'
        yield warn("model", f"{settings.model!r} is no folder here, so it comes from a hub: not looked at", fix)
        return
    started = time.monotonic()
    try:
        classifier = load_from_settings(settings)
        try:
            [said] = classifier.classify([_TEXT]).each()
            info = classifier.info
        finally:
            classifier.close()
    except MissingExtraError as error:
        yield fail("model", str(error), "install it, or set BAROMETER_MODEL=bundled")
    except BarometerError as error:
        yield fail(
            "model", str(error), _FIX if settings.model == BUNDLED else "export it again, or set BAROMETER_MODEL"
        )
    except Exception as error:  # noqa: BLE001  whatever an engine raises is what is wrong
        yield fail("model", f"{settings.model} cannot label a text: {error!r}", _FIX)
    else:
        took = time.monotonic() - started
        yield ok("model", f"{info.name} {info.version} on {info.engine} labels ({said.label}), ready in {took:.1f} s")
