"""What runs a model. ``load_classifier`` picks the engine for a model and a machine."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from infra.errors import MissingExtraError, UsageError
from infra.settings import Settings
from model.prediction import Classifier, ModelError

BUNDLED = "bundled"


def load_classifier(
    model: str = BUNDLED,
    *,
    engine: Literal["auto", "openvino", "torch"] = "auto",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int = 0,
    model_labels: str = "",
    cache: Path | None = None,
    warm: bool = False,
) -> Classifier:
    """Load ``model``: "bundled", a folder (exported or of the transformers library), or a hub name.

    ``threads`` 0 means all cores. ``device`` and ``model_labels`` (for example
    "LABEL_0=negative,LABEL_1=positive") are for the torch engine. ``cache``: the
    folder in which ``barometer tune`` left what it measured. ``warm``: for a process that
    stays (model.engines.warming).

    Raises UsageError when there is no such model or it does not fit the engine,
    MissingExtraError when torch is needed and absent, ModelError when the
    model's files are damaged.
    """
    folder = bundled_folder() if model == BUNDLED else Path(model).expanduser()
    exported = (folder / "model.xml").exists() or model == BUNDLED
    if exported:
        if engine == "torch":
            raise UsageError(
                f"model {model!r} is exported for OpenVINO and cannot run on torch; use BAROMETER_ENGINE=auto, "
                f"or give the folder it was trained in"
            )
        if device == "cuda":
            raise UsageError(f"model {model!r} runs on the CPU only; use BAROMETER_DEVICE=auto, or a model for torch")
        if model_labels:
            raise UsageError(
                f"model {model!r} knows its labels; BAROMETER_MODEL_LABELS is for models of the torch engine"
            )
        from model.engines.openvino import OpenVinoClassifier

        return OpenVinoClassifier(folder, threads=threads, cache=cache, warm=warm)
    if engine == "openvino":
        raise UsageError(f"model {model!r} is not exported for OpenVINO; run: barometer export {model} --output FOLDER")
    _check_folder(model, folder)
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingExtraError(f"the torch engine, which model {model!r} needs,", "torch")
    from model.engines.torch import TorchClassifier

    return TorchClassifier(
        str(folder) if folder.is_dir() else model, device=device, threads=threads, model_labels=model_labels
    )


def load_from_settings(settings: Settings, *, warm: bool = False) -> Classifier:
    """Load the classifier that the settings name; ``warm`` and errors as in load_classifier."""
    return load_classifier(
        settings.model,
        engine=settings.engine,
        device=settings.device,
        threads=settings.threads,
        model_labels=settings.model_labels,
        cache=settings.cache_dir,
        warm=warm,
    )


def bundled_folder() -> Path:
    """Where the model that ships lies. Raises ModelError when this installation lacks it."""
    folder = Path(__file__).parent.parent / BUNDLED
    if not (folder / "model.xml").exists():
        raise ModelError(f"the bundled model is missing from {folder}; install Barometer again, or set BAROMETER_MODEL")
    return folder


def _check_folder(model: str, folder: Path) -> None:
    """Tell a folder that holds no model, or a path that does not exist, from a hub name."""
    if folder.is_dir():
        config = folder / "config.json"
        try:
            known = "model_type" in json.loads(config.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{folder} holds no model: it has neither model.xml nor config.json") from error
        except ValueError as error:
            raise ModelError(f"{config} is damaged: it is not JSON") from error
        if not known:
            raise ModelError(f"{folder} holds no whole model: config.json is there, but model.xml is missing")
    elif folder.exists():
        raise UsageError(f"model {model!r} is a file; give the folder it lies in")
    elif folder.is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        raise UsageError(f"there is no model folder {model}; check the path, or give 'bundled' or a hub name")
