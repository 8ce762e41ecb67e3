"""The model card of an exported model: what it is, where it comes from, how good it is."""

from __future__ import annotations

from typing import Any

from model.engines.folder import FolderConfig
from model.labels import LABELS


def write_card(config: FolderConfig, provenance: dict[str, Any] | None, metrics: dict[str, Any], notes: str) -> str:
    """Markdown of the card; ``metrics`` is the content of metrics.json, ``notes`` more Markdown by its author."""
    kind = (
        f"A classifier of short texts into {', '.join(LABELS[:-1])} and {LABELS[-1]}, in OpenVINO's format: int8 "
        f"weights, activations rounded to int8 with one scale for each token. Texts of more than {config.max_tokens} "
        f"tokens are cut. It runs on a CPU and needs no torch:"
    )
    parts = [
        f"# {config.name} {config.version}",
        kind,
        "    barometer evaluate --model THIS_FOLDER --data FILE",
        notes.strip(),
        _quality(metrics),
        _fidelity(metrics),
        _training(provenance),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _quality(metrics: dict[str, Any]) -> str:
    if "exported" not in metrics:
        return ""
    data, parent, exported = metrics["data"], metrics["parent"], metrics["exported"]
    rows = [
        ("macro recall", "macro_recall"),
        ("accuracy", "accuracy"),
        ("macro F1", "macro_f1"),
        ("mean AUC", "macro_auc"),
        ("calibration error (ECE, 15 bins)", "ece"),
    ]
    source = f"`{data['file']}` (SHA-256 `{data['sha256'][:16]}…`)" if "file" in data else "labelled texts"
    lines = [
        "## Quality",
        "",
        f"On the {data['rows']:,} texts of {source}. The parent is the same model in float32, on torch.",
        "",
        "| | parent | this model |",
        "|---|---|---|",
    ]
    lines += [
        f"| {title} | {parent[key]:.4f} | {exported[key]:.4f} |" for title, key in rows if parent[key] is not None
    ]
    lines += ["", "| label | precision | recall | F1 | AUC | texts |", "|---|---|---|---|---|---|"]
    for label in LABELS:
        one = exported["per_class"][label]
        auc = "-" if one["auc"] is None else f"{one['auc']:.4f}"
        figures = f"{one['precision']:.4f} | {one['recall']:.4f} | {one['f1']:.4f} | {auc} | {one['support']:,}"
        lines.append(f"| {label} | {figures} |")
    return "\n".join(lines)


def _fidelity(metrics: dict[str, Any]) -> str:
    agreement, invariance = metrics["agreement_with_parent"], metrics["batch_invariance"]
    last_layer = _LAST_LAYER[metrics["last_layer_for"]]
    as_parent = (
        f"- Same label as the parent on {agreement['same_label']:.2%} of {agreement['texts']:,} texts; probabilities "
        f"differ by {agreement['mean_difference']:.4f} on average, by {agreement['max_difference']:.3f} at most."
    )
    in_any_batch = (
        f"- The same in every batch: alone, in pairs, in batches of 64 and all at once, the probabilities of "
        f"{invariance['texts']:,} texts differ by {invariance['max_difference']:.7f} at most, and "
        f"{invariance['changed_labels']} labels change."
    )
    return "\n".join(line for line in ("## Fidelity", "", as_parent, in_any_batch, last_layer) if line is not None)


_LAST_LAYER = {
    None: None,
    "first": "- Its last layer is computed for the first token alone, which is all that is read: that changes nothing.",
    "mean": (
        "- Its last layer is asked once, by the mean of all tokens; the parent's is asked by each, and then averaged. "
        "That costs a few labels, counted above, and saves all but a little of a layer's work. The temperature is what "
        "brings the probabilities nearest to the parent's."
    ),
}


def _training(provenance: dict[str, Any] | None) -> str:
    if provenance is None:
        return ""
    data, config = provenance["data"], provenance["config"]
    parts = provenance.get("average_of", [])
    digest = f", SHA-256 `{data['sha256'][:16]}…`" if data["sha256"] else ""
    temperature = "" if parts else f"; {data['calibration_rows']:,} more rows of it fitted the temperature"
    lines = [
        "## Training",
        "",
        f"{data['rows']:,} texts of `{data['file']}`{digest}{temperature}. "
        f"{provenance['steps']:,} steps, finished {provenance['finished_at']}, with "
        + ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
        + ".",
        "",
        "| setting | value |",
        "|---|---|",
    ]
    lines += [f"| {name} | {value} |" for name, value in config.items() if name != "name"]
    if parts:
        lines += [
            "",
            "Weights averaged (settings above: of the first):",
            "",
            "| model | seed | weight |",
            "|---|---|---|",
        ]
        lines += [f"| {part['model']} | {part['seed']} | {part['weight']} |" for part in parts]
    return "\n".join(lines + _pruning(provenance))


def _pruning(provenance: dict[str, Any]) -> list[str]:
    pruned = provenance.get("pruned")
    if not pruned:
        return []
    data, lost = pruned["data"], ", ".join(f"{share:.2%}" for share in pruned["lost_by_layer"])
    words = (
        f"Of {pruned['width_before']:,} units in each feed-forward layer {pruned['width']:,} were kept, those that are "
        f"missed least on {pruned['sample']:,} texts. That alone lost {lost} of what the layers say. Then it learnt "
        f"for {pruned['epochs']:g} epochs ({pruned['steps']:,} steps, learning rate {pruned['learning_rate']:g}, seed "
        f"{pruned['seed']}) to say what version {pruned['from']} said, on {data['rows']:,} texts of "
        f"`{data['file']}`, without their labels."
    )
    return ["", "## Pruning", "", words]
