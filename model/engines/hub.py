"""Models by name from the Hugging Face hub, with errors that a person can act on."""

from __future__ import annotations

import sys
from pathlib import Path

from huggingface_hub import errors, snapshot_download
from huggingface_hub.utils.tqdm import disable_progress_bars

from infra.errors import UsageError
from model.prediction import ModelError

_SMALL_FILES = ["*.json", "*.txt", "*.model", "*.bpe", "*.codes"]


def download(name: str) -> Path:
    """The folder of a hub model, fetched if it is not in the hub's cache.

    Raises UsageError when there is no such model, ModelError when the hub
    cannot be reached and the model is not cached.
    """
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*_SMALL_FILES, "*.safetensors"], ignore_patterns="*/*"))
        if not list(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=[*_SMALL_FILES, "pytorch_model*.bin*"]))
    except errors.HFValidationError as error:
        raise UsageError(f"model {name!r} is neither a folder nor a name on the hub (like owner/name)") from error
    except errors.GatedRepoError as error:
        raise UsageError(
            f"model {name!r} asks for its terms to be accepted; do so on the hub and set HF_TOKEN"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"there is no folder and no public hub model {name!r}; check the name, or set HF_TOKEN"
        ) from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise ModelError(
            f"model {name!r} is not a folder and not in the local cache, and the hub cannot be reached; "
            f"connect once, or give the path of a downloaded model"
        ) from error
    return folder
