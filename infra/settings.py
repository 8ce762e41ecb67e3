"""Every setting of Barometer, in one frozen object built once at start.

Sources, later ones win: the defaults below, a ``.env`` file in the working
directory, the environment (``BAROMETER_*``), flags of a command.
``.env.example`` is generated from this file (``make docs``) and checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.errors import UsageError

ENV_PREFIX = "BAROMETER_"


class Settings(BaseSettings):
    """Times are in seconds, sizes in bytes, unless a name says otherwise."""

    # A variable that is set to nothing keeps its default, as in .env.example.
    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # else an error would tell secrets
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
    worker_id: str = Field(
        default="",
        pattern=r"^[a-zA-Z0-9._-]*$",
        max_length=200,
        description="name of this worker that outlives a restart (static membership); each worker's must be its own",
    )
    commit_interval_s: float = Field(default=0.5, gt=0, le=60, description="time between offset commits")
    stages: Literal["classify,aggregate", "classify", "aggregate"] = Field(
        default="classify,aggregate",
        description="what a worker does: classify (label tweets), aggregate (keep windows), or both",
    )

    # Security of the connection to Kafka
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="SSL encrypts, SASL takes a user and a password; docs/security.md"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how user and password are proven, with SASL"
    )
    kafka_username: str = Field(default="", description="user, with SASL")
    kafka_password: SecretStr | None = Field(default=None, description="the user's password, with SASL")
    kafka_password_file: Path | None = Field(
        default=None, description="file that holds the password and nothing else, instead of the password itself"
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="certificates (PEM) that Kafka's must be signed by; empty: the system's, with SSL"
    )
    kafka_certificate_file: Path | None = Field(
        default=None, description="our own certificate and its chain (PEM), where Kafka asks for one"
    )
    kafka_key_file: Path | None = Field(default=None, description="private key (PEM) of our own certificate")
    kafka_key_password: SecretStr | None = Field(default=None, description="password of the private key, if it has one")
    kafka_key_password_file: Path | None = Field(
        default=None, description="file that holds the private key's password, instead of the password itself"
    )
    kafka_check_hostname: bool = Field(
        default=True, description="Kafka's certificate must name the host we connect to; false only for trials"
    )

    # Classification
    model: str = Field(default="bundled", description="'bundled', a folder, or the name of a model on the hub")
    model_labels: str = Field(
        default="",
        description="for models whose label names say nothing, for example LABEL_0=negative,LABEL_1=positive",
    )
    engine: Literal["auto", "openvino", "torch"] = Field(default="auto", description="what runs the model")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="for the torch engine")
    threads: int = Field(default=0, ge=0, le=1024, description="CPU threads of the engine; 0 means all cores")
    label_cache: int = Field(
        default=20_000,
        ge=0,
        le=10_000_000,
        description="texts whose labels are kept, so that retweets cost nothing (some 250 bytes each); 0: none",
    )
    batch_size: int = Field(
        default=1_024,
        ge=1,
        le=10_000,
        description="most tweets in one batch; fewer where the model would take longer than a second for them",
    )
    batch_wait_s: float = Field(default=0.05, gt=0, le=10, description="longest wait for a batch to fill")
    brands_file: Path | None = Field(
        default=None, description="rules that find brands in tweets; empty: the bundled ones"
    )
    dead_share_limit: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="the worker stops when more than this share of recent records would be dead letters; 1: never",
    )
    dead_share_window: int = Field(
        default=1_000, ge=20, le=1_000_000, description="how many recent records that share is taken of"
    )

    # Labelling for many callers at once (the HTTP API)
    predict_queue_texts: int = Field(
        default=4_096, ge=1, le=1_000_000, description="most texts that wait for the model; more are refused for now"
    )
    predict_queue_chars: int = Field(
        default=4_194_304, ge=4_000, description="most characters that wait for the model; more are refused for now"
    )
    predict_call_tokens: int = Field(
        default=2_048, ge=1, le=1_000_000, description="texts of so many tokens, about, go to the model in one call"
    )
    predict_wait_s: float = Field(
        default=0.002, ge=0, le=1, description="longest wait of an idle model for the callers it has just served"
    )

    # HTTP API and live page
    serve_host: str = Field(
        default="127.0.0.1", min_length=1, description="address to serve on; 0.0.0.0 for other hosts to see"
    )
    serve_port: int = Field(default=8_000, ge=0, le=65_535, description="port to serve on; 0 takes a free one")
    serve_history_h: int = Field(
        default=168, ge=3, le=8_760, description="hours of event time for which windows are held in memory"
    )
    serve_windows_mib: int = Field(
        default=512, ge=1, description="most memory for windows, in MiB; the oldest hours go first"
    )
    serve_tweets: int = Field(
        default=50_000, ge=100, description="most tweets held in memory, at most 200 for each brand and label"
    )
    serve_stale_after_s: float = Field(
        default=30, gt=0, description="what is shown counts as stale when nothing was read for this long"
    )
    serve_confirm_s: float = Field(
        default=10, gt=0, le=300, description="longest wait for Kafka to confirm published tweets"
    )
    serve_text_chars: int = Field(default=4_000, ge=1, description="longest text to label; longer ones are refused")
    serve_texts: int = Field(default=1_000, ge=1, le=100_000, description="most texts, or tweets, in one request")
    serve_body_bytes: int = Field(default=1_048_576, ge=1_024, description="largest body of a request")
    serve_rate_per_s: float = Field(
        default=300, ge=0, description="requests a second and client, on average over ten seconds; 0: no limit"
    )
    serve_concurrency: int = Field(default=256, ge=1, description="most requests at once; more are told to come back")
    serve_streams: int = Field(default=500, ge=1, description="most streams of events at once")
    serve_tweets_per_s: float = Field(
        default=5, ge=0, le=1_000, description="tweets a second on a stream of events: a sample of all"
    )
    serve_api_keys: str = Field(
        default="",
        description="who may use the API, such as page=SHA256,shop=SHA256 (made by barometer key); empty: everybody",
    )
    serve_keys_for: Literal["all", "writes"] = Field(
        default="all", description="with keys: needed for everything, or only to label and to publish"
    )
    serve_cors_origins: str = Field(
        default="",
        description="sites whose pages may use the API, such as https://example.org, separated by commas; empty: none",
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

    # Spikes
    spike_false_alarms_per_month: float = Field(
        default=0.5,
        gt=0,
        le=1000,
        description="alarms of one kind a brand may raise for no reason; lower: stricter",
    )
    spike_min_effect: float = Field(
        default=0.08, gt=0, lt=1, description="a share must be this far above the expected one, however significant"
    )
    spike_min_tweets: int = Field(default=20, ge=1, description="a window of fewer tweets opens no spike")
    spike_min_authors: int = Field(
        default=8, ge=1, le=12, description="a window whose tweets of the kind come from fewer people opens no spike"
    )
    spike_volume_ratio: float = Field(
        default=3, gt=1, description="a volume spike has at least so many times the usual tweets"
    )
    spike_volume_z: float = Field(
        default=3.5,
        gt=0,
        description="a volume spike is at least so many standard deviations out, on a log scale",
    )
    spike_max_window_s: int = Field(
        default=43_200,
        ge=3_600,
        le=86_400,
        description="longest recent window that is looked at; slow brands need long ones",
    )
    spike_max_window_tweets: int = Field(
        default=3_000, ge=100, description="recent windows do not grow beyond so many tweets"
    )
    spike_close_effect: float = Field(
        default=0.04, ge=0, lt=1, description="a spike ends when the share is less than this above the expected one"
    )
    spike_close_z: float = Field(
        default=1,
        ge=0,
        description="a spike also ends when its share is this few standard deviations above the expected",
    )
    spike_close_tweets: int = Field(
        default=150, ge=1, description="the end of a spike is judged by at least so many of the last tweets"
    )
    spike_close_s: int = Field(default=900, ge=60, description="the end of a spike is judged by at least this long")
    spike_cool_down_s: int = Field(
        default=1_800, ge=0, description="no spike of a kind opens for this long after the last one"
    )
    spike_silence_s: int = Field(default=21_600, ge=60, description="a spike ends when no tweet comes for this long")
    spike_max_spike_s: int = Field(
        default=86_400,
        ge=3_600,
        description="a spike that lasts this long is the new normal: it ends and the baseline is learnt again",
    )
    spike_update_s: int = Field(default=900, ge=60, description="least event time between updates of an open spike")
    spike_lag_s: int = Field(default=1_800, ge=0, description="an hour enters the baseline this long after its end")
    spike_warm_up_s: int = Field(
        default=3_600, ge=60, description="no spike opens before the baseline covers this much time"
    )
    spike_warm_up_tweets: int = Field(
        default=200,
        ge=1,
        description="no spike opens before the baseline covers so many tweets; also after a change of model",
    )
    spike_volume_warm_up_s: int = Field(
        default=86_400, ge=3_600, description="no volume spike opens before volume is known for this long"
    )
    spike_half_life_s: int = Field(
        default=172_800, ge=3_600, description="how fast the baseline follows a drift: an hour this old counts half"
    )
    spike_history_days: int = Field(
        default=28, ge=1, le=365, description="days from which the rhythm of day and week is learnt"
    )
    spike_model_memory_s: int = Field(
        default=86_400, ge=60, description="a model version not seen for this long counts as new when it comes back"
    )

    # Notifications (barometer notify)
    notify_urls: SecretStr | None = Field(
        default=None,
        description="where notifications go: URLs of Apprise, separated by spaces; RECEIVER=URL takes only what "
        "Alertmanager routes to that receiver; docs/notifications.md",
    )
    notify_urls_file: Path | None = Field(
        default=None, description="file that holds these URLs, one a line, instead of the URLs themselves"
    )
    notify_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="address to hear Alertmanager on; 0.0.0.0: from any host",
    )
    notify_port: int = Field(default=9096, ge=1, le=65_535, description="port to hear Alertmanager on")
    notify_token: SecretStr | None = Field(
        default=None, description="what Alertmanager must show to be heard (as a Bearer token); empty: nothing"
    )
    notify_token_file: Path | None = Field(
        default=None, description="file that holds this token and nothing else, instead of the token itself"
    )
    notify_give_up_s: float = Field(
        default=86_400, ge=1, description="a notification that its target refuses is tried again for this long"
    )
    page_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^(https?://[^\s<>\"'()]+)?$",
        description="address of the live page as readers of a notification reach it; empty: no link",
    )
    grafana_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s<>\"'()]+)?$",
        description="address of Grafana as readers of a notification reach it; empty: no link",
    )
    docs_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s<>\"'()]+)?$",
        description="address under which this project's files are read, put before docs/runbooks/... in notifications",
    )

    # This machine
    cache_dir: Path = Field(
        default=Path("~/.cache/barometer"),
        description="the local broker's jars, what barometer tune measured, and labels that backtest has asked for",
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
    metrics_brands: int = Field(
        default=100, ge=0, le=100_000, description="brands with series of their own on /metrics, the most mentioned"
    )
    stalled_after_s: float = Field(
        default=300, ge=1, description="/health/live fails when there is work and none was done for this long"
    )
    shutdown_timeout_s: float = Field(
        default=20, ge=1, le=3600, description="after SIGTERM, time to finish what is in flight"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    log_format: Literal["text", "json"] = Field(default="text", description="of the log on stderr")

    @model_validator(mode="after")
    def _security_fits_together(self) -> Self:
        problems = _security_problems(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def group(self) -> str:
        """The consumer group in Kafka, prefix included."""
        return f"{self.topic_prefix}{self.consumer_group}"

    @property
    def cache(self) -> Path:
        """The cache folder, with ``~`` expanded."""
        return self.cache_dir.expanduser()

    def environment(self) -> dict[str, str]:
        """The settings as variables for a child process, secrets in clear: for nobody's eyes."""
        fields = self.model_dump(mode="json", exclude_none=True)
        return {f"{ENV_PREFIX}{name.upper()}": str(_in_clear(getattr(self, name), fields[name])) for name in fields}


def load_settings(**flags: Any) -> Settings:
    """Build the settings; ``flags`` that are None are left to the other sources.

    Raises UsageError with every bad value, the rule it broke and its variable.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(_in_words(issue) for issue in error.errors())
    raise UsageError(problems)  # out here, so that it does not carry the values it does not tell


def _in_words(issue: ErrorDetails) -> str:
    if not issue["loc"]:  # of several settings together; its input is all of them
        return issue["msg"].removeprefix("Value error, ")
    variable = f"{ENV_PREFIX}{'_'.join(str(part) for part in issue['loc']).upper()}"
    secret = SecretStr in get_args(Settings.model_fields[str(issue["loc"][0])].annotation)
    return f"{variable} is {'no good' if secret else repr(issue['input'])}: {issue['msg']}"


def _in_clear(value: Any, dumped: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else dumped


def _security_problems(settings: Settings) -> list[str]:
    """What does not fit together in how Kafka is connected to, each with its remedy."""
    protocol = settings.kafka_security_protocol
    sasl, tls = protocol.startswith("SASL"), protocol.endswith("SSL")
    return [
        *_useless(settings, () if sasl else _SASL_ONLY, f"{protocol} takes no user: set it to SASL_SSL"),
        *_useless(settings, () if tls else _TLS_ONLY, f"{protocol} does not encrypt: set it to SSL or SASL_SSL"),
        *_twice(settings, "kafka_password"),
        *_twice(settings, "kafka_key_password"),
        *_twice(settings, "notify_urls"),
        *_twice(settings, "notify_token"),
        *([] if not sasl else _missing(settings, protocol, "kafka_username")),
        *([] if not sasl else _missing(settings, protocol, "kafka_password", "kafka_password_file")),
        *_half(settings, "kafka_certificate_file", "kafka_key_file"),
        *_half(settings, "kafka_key_file", "kafka_certificate_file"),
        *_half(settings, "kafka_key_password", "kafka_key_file"),
        *_half(settings, "kafka_key_password_file", "kafka_key_file"),
    ]


_SASL_ONLY = ("kafka_sasl_mechanism", "kafka_username", "kafka_password", "kafka_password_file")
_TLS_ONLY = (
    "kafka_ca_file",
    "kafka_certificate_file",
    "kafka_key_file",
    "kafka_key_password",
    "kafka_key_password_file",
    "kafka_check_hostname",
)


def _is_set(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name) != Settings.model_fields[name].default)


def _variable(name: str) -> str:
    return f"{ENV_PREFIX}{name.upper()}"


def _useless(settings: Settings, names: Iterable[str], why: str) -> list[str]:
    idle = [_variable(name) for name in names if _is_set(settings, name)]
    if not idle:
        return []
    return [
        f"{', '.join(idle)} {'is' if len(idle) == 1 else 'are'} set, but {_variable('kafka_security_protocol')}={why}"
    ]


def _twice(settings: Settings, name: str) -> list[str]:
    file = f"{name}_file"
    if _is_set(settings, name) and _is_set(settings, file):
        return [f"{_variable(name)} and {_variable(file)} are both set: unset one of them"]
    return []


def _missing(settings: Settings, protocol: str, *names: str) -> list[str]:
    if any(_is_set(settings, name) for name in names):
        return []
    return [f"{_variable('kafka_security_protocol')} is {protocol}: set {' or '.join(map(_variable, names))} too"]


def _half(settings: Settings, name: str, other: str) -> list[str]:
    if _is_set(settings, name) and not _is_set(settings, other):
        return [f"{_variable(name)} is set, but {_variable(other)} is not: set both, or neither"]
    return []
