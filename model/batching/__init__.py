"""How texts become calls of an engine.

``packing`` is the inside of one call: which texts are padded together.
``queue`` and ``batcher`` are the outside: the texts of many callers at once
become as few calls as may be, fairly, within bounds.
``careful`` is for those who have a whole batch: one bad text costs only itself.

The stream does not go through the batcher. A worker's batch is of all its
partitions already, and as large as the model does in a second: there is nothing
to merge. Its errors are settled by policy (retry, dead letter, stop), not told
to a caller.
"""

from __future__ import annotations

from model.batching.packing import Batch, count_tokens, pad, plan_batches

__all__ = ["Batch", "count_tokens", "pad", "plan_batches"]
