"""How texts become calls of an engine.

``packing`` is the inside of one call: which texts are padded together.
``queue`` and ``batcher`` are the outside: the texts of many callers at once
become as few calls as may be, fairly, within bounds.
"""

from __future__ import annotations

from model.batching.packing import Batch, count_tokens, pad, plan_batches

__all__ = ["Batch", "count_tokens", "pad", "plan_batches"]
