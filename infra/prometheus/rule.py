"""Recording and alerting rules as values, and how they are written for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any, Literal

Severity = Literal["critical", "warning", "info"]
"""critical: somebody is called; warning: somebody looks today; info: good to know."""
RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True)
class Recording:
    """A series that is computed once, for rules and dashboards: ``level:metric:operation``."""

    record: str
    expr: str

    def as_dict(self) -> dict[str, Any]:
        return {"record": self.record, "expr": _tidy(self.expr)}


@dataclass(frozen=True)
class Alert:
    """``category``: reputation (of a brand) or pipeline. Times in seconds. Texts are Go templates."""

    name: str
    category: Literal["reputation", "pipeline"]
    severity: Severity
    expr: str
    summary: str
    description: str
    for_s: float = 0
    keep_firing_s: float = 0
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        rule: dict[str, Any] = {"alert": self.name, "expr": _tidy(self.expr)}
        if self.for_s:
            rule["for"] = duration(self.for_s)
        if self.keep_firing_s:
            rule["keep_firing_for"] = duration(self.keep_firing_s)
        rule["labels"] = {"severity": self.severity, "category": self.category, **self.labels}
        rule["annotations"] = {
            "summary": self.summary,
            "description": " ".join(self.description.split()),
            "runbook_url": f"{RUNBOOKS}/{self.name}.md",
        }
        return rule


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated one after the other, each seeing what those before it recorded."""

    name: str
    rules: Sequence[Recording | Alert]

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "rules": [rule.as_dict() for rule in self.rules]}


def duration(seconds: float) -> str:
    """``seconds`` in Prometheus' notation, whole and in the largest unit that fits: 90s, 5m, 3d."""
    whole = round(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole and whole % length == 0:
            return f"{whole // length}{unit}"
    return f"{whole}s"


def figure(query: str, form: str, *labels: str) -> str:
    """A template that shows the value of ``query``, by the template function ``form``.

    Each %q in ``query`` stands for one of the alert's ``labels``. Without an answer it says "unknown".
    """
    return _asked(query, f"value | {form}", labels)


def name_in(query: str, label: str, *labels: str) -> str:
    """The same for the value of ``label`` in the first series of the answer."""
    return _asked(query, f'label "{label}"', labels)


def _asked(query: str, form: str, labels: Sequence[str]) -> str:
    # Backquotes: they may stand in a query and in a template, and YAML shows both without escapes.
    asked = " ".join([f'printf "{query}"'.replace("'", "`"), *(f"$labels.{label}" for label in labels)])
    return f"{{{{ with {asked} | query }}}}{{{{ . | first | {form} }}}}{{{{ else }}}}unknown{{{{ end }}}}"


def _tidy(expr: str) -> str:
    text = dedent(expr).strip()
    return f"{text}\n" if "\n" in text else text
