"""Attention modules: one short file each, one contract (`base.py`), one registry."""

from iram.attention import cbam, coordinate, eca, factored, iram, none, se, simam  # noqa: F401
from iram.attention.base import ATTENTION, Attention, AttentionOutput

__all__ = ["ATTENTION", "Attention", "AttentionOutput"]
