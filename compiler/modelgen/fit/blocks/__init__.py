"""Compute the memory of engines that measure a start and then divide the KV cache into blocks.

`cache` has the blocks, `overhead` the rest; `evidence` learns its errors from public starts.
"""

from __future__ import annotations
