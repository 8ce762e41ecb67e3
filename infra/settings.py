"""Every setting of Barometer, in one frozen object built once at start.

Sources, later ones win: the defaults below, a ``.env`` file in the working
directory, the environment (``BAROMETER_*``), flags of a command.
``.env.example`` is generated from this file (``make docs``) and checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import UsageError

ENV_PREFIX = "BAROMETER_"


class Settings(BaseSettings):
    """Times are in seconds, sizes in bytes, unless a name says otherwise."""

    # A variable that is set to nothing keeps its default, as in .env.example.
    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    # Kafka
    kafka_bootstrap_servers: str = Field(
        default="127.0.0.1:9092", min_length=1, description="Kafka brokers, host:port, separated by commas"
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9._-]*$",
        max_length=100,
        description="put before every topic and group name, so that several instances can share one Kafka",
    )
    consumer_group: str = Field(default="barometer", pattern=r"^[a-zA-Z0-9._-]+$", description="group of the workers")
    partitions: int = Field(default=12, ge=1, le=1000, description="of the data topics; cannot be changed later")
    replication_factor: int = Field(default=1, ge=1, le=10, description="of the topics; 3 on a cluster of 3 or more")
    session_timeout_s: float = Field(
        default=10, ge=6, le=300, description="Kafka gives a silent worker's partitions to others after this time"
    )
    commit_interval_s: float = Field(default=0.5, gt=0, le=60, description="time between offset commits")

    # Classification
    model: str = Field(default="bundled", description="'bundled', a folder, or the name of a model on the hub")
    model_labels: str = Field(
        default="",
        description="for models whose label names say nothing, for example LABEL_0=negative,LABEL_1=positive",
    )
    engine: Literal["auto", "openvino", "torch"] = Field(default="auto", description="what runs the model")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="for the torch engine")
    threads: int = Field(default=0, ge=0, le=1024, description="CPU threads of the engine; 0 means all cores")
    batch_size: int = Field(default=256, ge=1, le=10_000, description="most tweets in one batch")
    batch_wait_s: float = Field(default=0.05, gt=0, le=10, description="longest wait for a batch to fill")
    brands_file: Path | None = Field(
        default=None, description="rules that find brands in tweets; empty: the bundled ones"
    )

    # Event time
    allowed_lateness_s: float = Field(
        default=60, ge=0, description="how much older than the newest tweet of its partition a tweet may be, on time"
    )
    window_grace_s: float = Field(default=0, ge=0, description="extra wait after a window's end before it closes")
    late_retention_s: float = Field(
        default=86_400, ge=60, description="a closed window still takes late tweets this long, in event time"
    )
    duplicate_horizon_s: float = Field(
        default=7_200, ge=60, description="event time for which the ids of counted tweets are remembered"
    )
    future_timestamps: Literal["reject", "clamp"] = Field(
        default="reject", description="tweets dated after Kafka received them: reject, or clamp to that time"
    )
    future_tolerance_s: float = Field(default=300, ge=0, description="clock difference that is not yet the future")
    idle_after_s: float = Field(
        default=30, gt=0, description="a partition read to its end for this long does not hold windows open"
    )
    watermark_interval_s: float = Field(default=1, gt=0, le=60, description="time between watermark records")
    window_update_interval_s: float = Field(default=2, ge=0, description="least time between updates of an open window")

    # This machine
    cache_dir: Path = Field(
        default=Path("~/.cache/barometer"), description="where the local broker's jars and compiled models are kept"
    )
    maven_repository: str = Field(
        default="", description="URL to fetch the local broker's jars from, where Maven Central is out of reach"
    )
    metrics_host: str = Field(
        default="127.0.0.1", min_length=1, description="address to serve metrics on; 0.0.0.0 for other hosts to see"
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="the worker serves /metrics and /health here; 0 turns it off"
    )
    stalled_after_s: float = Field(
        default=300, ge=1, description="/health/live fails when there is work and none was done for this long"
    )
    shutdown_timeout_s: float = Field(
        default=20, ge=1, le=3600, description="after SIGTERM, time to finish what is in flight"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    log_format: Literal["text", "json"] = Field(default="text", description="of the log on stderr")

    @property
    def group(self) -> str:
        """The consumer group in Kafka, prefix included."""
        return f"{self.topic_prefix}{self.consumer_group}"

    @property
    def cache(self) -> Path:
        """The cache folder, with ``~`` expanded."""
        return self.cache_dir.expanduser()


def load_settings(**flags: Any) -> Settings:
    """Build the settings; ``flags`` that are None are left to the other sources.

    Raises UsageError with every bad value, the rule it broke and its variable.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = [
            f"{ENV_PREFIX}{'_'.join(str(part) for part in issue['loc']).upper()} is {issue['input']!r}: {issue['msg']}"
            for issue in error.errors()
        ]
        raise UsageError("; ".join(problems)) from error
