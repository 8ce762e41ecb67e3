"""Trying again, as often and as patiently as the table of policies allows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from infra import metrics
from infra.errors import Step, policy_of

log = logging.getLogger(__name__)
T = TypeVar("T")


def attempt(call: Callable[[], T], step: Step, sleep: Callable[[float], object] = time.sleep) -> T:
    """What ``call`` returns, once it does. Blocking.

    Raises its last error when the policy of that error allows no further attempt.
    """
    failures = 0
    while True:
        try:
            return call()
        except Exception as error:
            failures += 1
            policy = policy_of(error, step)
            wait_s = policy.wait_s(failures)
            if wait_s is None:
                raise
            metrics.RETRIES.labels(policy.reason).inc()
            log.warning("attempt %d failed, the next in %.1f s: %r", failures, wait_s, error)
        sleep(wait_s)
