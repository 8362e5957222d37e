"""Attention modules: one short file each, one contract (`base.py`), one registry."""

from iram.attention import (  # noqa: F401, I001 (they register, in the order of their colours)
    iram,
    none,
    cbam,
    se,
    eca,
    coordinate,
    simam,
    factored,
)
from iram.attention.base import ATTENTION, Attention, AttentionOutput

__all__ = ["ATTENTION", "Attention", "AttentionOutput"]
