"""Examples for the OpenAPI document. Made up; the tests check that they are what the models allow."""

from __future__ import annotations

from typing import Any

from stream.serve.answers import HealthAnswer

Responses = dict[int | str, dict[str, Any]]

_TIME = "2026-03-02T11:45:00Z"
_FRESHNESS = {"state": "live", "watermark": _TIME, "lag_s": 0.4, "kafka": "up"}
_MODEL = {"name": "barometer-minilm", "version": "1f0c9a2e"}
_PROBABILITIES = {"negative": 0.951, "neutral": 0.04, "positive": 0.009}
_SENTENCE = (
    "negative tweets about Veloria Air rose to 71% from 21% in 15 min (z 6.2, 84 tweets): 'cancelled', 'hotline'"
)
_BRAND = {
    "brand": "Veloria Air",
    "watermark": _TIME,
    "window_start": "2026-03-02T11:30:00Z",
    "window_end": _TIME,
    "volume": 84,
    "volume_baseline": 57.3,
    "counts": {"negative": 60, "neutral": 15, "positive": 9},
    "net_sentiment": -0.607143,
    "negative_share": 0.714286,
    "negative_share_low": 0.609788,
    "negative_share_high": 0.799882,
    "negative_share_corrected": 0.78,
    "negative_baseline": 0.21,
    "z": 6.2,
    "authors": 79,
    "latest_tweet_at": "2026-03-02T11:45:41Z",
    "trend": [{"t": "2026-03-02T11:40:00Z", "volume": 31, "net_sentiment": -0.71, "negative_share": 0.77}],
    "alarm": {
        "kind": "negative",
        "spike_id": "0d0c5b9e-52f1-5a60-8f50-1d33f1c7c1f6",
        "opened_at": _TIME,
        "sentence": _SENTENCE,
    },
}
_BASELINE = {"negative_share": 0.21, "low": 0.09, "high": 0.33, "tweets": 57.3}
_WINDOW = {
    "brand": "Veloria Air",
    "start": "2026-03-02T11:44:00Z",
    "end": _TIME,
    "size_s": 60,
    "counts": {"negative": 5, "neutral": 1, "positive": 0},
    "probability_sums": {"negative": 4800000, "neutral": 1100000, "positive": 100000},
    "net_sentiment": -0.833333,
    "negative_share": 0.833333,
    "negative_share_low": 0.436516,
    "negative_share_high": 0.969912,
    "negative_share_corrected": 0.86,
    "negative_share_corrected_low": 0.48,
    "negative_share_corrected_high": 0.97,
    "mean_confidence": 0.88,
    "uncertain": 0,
    "authors": 6,
    "revision": 6,
    "late": 0,
    "status": "closed",
    "models": ["1f0c9a2e"],
    "baseline": {"negative_share": 0.21, "low": 0.0, "high": 0.54, "tweets": 3.8},
}
_TWEET = {
    "id": "2028418372964352001",
    "text": "Third day of @VeloriaAir cancelling on us, and the hotline is dead",
    "created_at": "2026-03-02T11:44:12Z",
    "author": "mellow_teapot",
    "brand": "Veloria Air",
    "label": "negative",
    "confidence": 0.951,
    "probabilities": _PROBABILITIES,
    "model": _MODEL,
    "labeled_at": "2026-03-02T11:44:13Z",
}
_SPIKE = {
    "schema_version": 1,
    "id": "0d0c5b9e-52f1-5a60-8f50-1d33f1c7c1f6",
    "brand": "Veloria Air",
    "kind": "negative",
    "status": "open",
    "started_at": "2026-03-02T11:31:00Z",
    "opened_at": _TIME,
    "updated_at": _TIME,
    "window_start": "2026-03-02T11:31:00Z",
    "tweets": 84,
    "authors": 12,
    "share": 0.71,
    "baseline": 0.21,
    "z": 6.2,
    "peak_share": 0.71,
    "peak_z": 6.2,
    "evidence": {
        "terms": [{"term": "hotline", "z": 5.1, "voices": 22, "share": 0.3, "share_before": 0.01, "explains": 0.4}],
        "explains": 0.4,
        "tweets": [
            {
                "id": _TWEET["id"],
                "created_at": _TWEET["created_at"],
                "text": _TWEET["text"],
                "label": "negative",
                "confidence": 0.951,
                "copies": 1,
            }
        ],
        "sampled": 84,
        "sampled_before": 300,
        "voices": 79,
        "people_share": 0.94,
        "copies_share": 0.02,
        "sources": {"web": 1.0},
        "languages": {"en": 1.0},
    },
    "sentence": _SENTENCE,
    "models": ["1f0c9a2e"],
}
_MODEL_ANSWER = _MODEL | {"engine": "openvino", "metrics": {"macro_recall": 0.75}}
_STATS = {
    "freshness": _FRESHNESS,
    "labelled_per_s": 12.5,
    "online": {
        "tweets": 1000,
        "counts": {"negative": 300, "neutral": 500, "positive": 200},
        "shares": {"negative": 0.3, "neutral": 0.5, "positive": 0.2},
    },
    "labelling_model": _MODEL,
    "model": _MODEL_ANSWER,
    "held": {
        "brands": 6,
        "windows": 1200,
        "windows_bytes": 400000,
        "since": None,
        "tweets": 900,
        "spikes": 2,
        "streams": 1,
    },
    "unreadable": 0,
}
_EVENTS = (
    "event: window\ndata: {...}\n\n"
    'id: w0-17.1-4s0-2t0-99\nevent: freshness\ndata: {"state":"live","watermark":"2026-03-02T11:45:00Z","lag_s":0.4,'
    '"kafka":"up"}\n\n'
)


def _ok(example: Any, *, status: int = 200, media: str = "application/json") -> Responses:
    return {status: {"content": {media: {"example": example}}}}


brands = _ok({"freshness": _FRESHNESS, "brands": [_BRAND], "total": 6})
brand = _ok(_BRAND | {"freshness": _FRESHNESS, "baseline": _BASELINE, "spikes": [_SPIKE]})
windows = _ok({"brand": "Veloria Air", "size": "1m", "since": None, "windows": [_WINDOW]})
tweets = _ok({"tweets": [_TWEET], "next": "WzE3NzI0NTE4NTIwMDAwMDAsIjIwMjg0MTgzNzI5NjQzNTIwMDEiXQ"})
comparison = _ok({"series": [{"brand": "Veloria Air", "windows": [_WINDOW]}]})
spikes = _ok({"spikes": [_SPIKE]})
spike = _ok(_SPIKE)
prediction = _ok(
    {
        "predictions": [
            {"label": "negative", "confidence": 0.951, "probabilities": _PROBABILITIES, "truncated": False}
        ],
        "model": _MODEL,
    }
)
accepted = _ok({"accepted": [{"id": _TWEET["id"], "partition": 4, "offset": 1288}]}, status=202)
model = _ok(_MODEL_ANSWER)
stats = _ok(_STATS)
metrics = _ok("# HELP barometer_http_event_streams ...\n", media="text/plain")
events: Responses = {
    200: {
        "description": "Events: `window`, `spike`, `tweet` as the other paths show them; `freshness`; `reset`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS}},
    }
}
failing: Responses = {
    200: {"content": {"application/json": {"example": {"status": "ok", "checks": {"reader": "ok"}}}}},
    503: {"description": "Not well, or not yet ready.", "model": HealthAnswer},
}
predict_bodies: dict[str, Any] = {
    "one": {"summary": "One text", "value": {"text": "the crew was lovely"}},
    "several": {"summary": "Several", "value": {"texts": ["the crew was lovely", "my bag is gone again"]}},
}
tweet_bodies: dict[str, Any] = {
    "one": {
        "summary": "One tweet",
        "value": {"id": "17", "text": "Lumora is down again", "created_at": "2026-03-02T09:41:07Z"},
    },
    "several": {
        "summary": "Several",
        "value": {"tweets": [{"id": "18", "text": "Lumora is back", "created_at": "2026-03-02T09:52:00Z"}]},
    },
}
