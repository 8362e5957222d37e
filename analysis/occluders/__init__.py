"""Occluders: where a face is covered. What it is covered with is in `analysis.fills`."""

from analysis.occluders.regions import OCCLUDERS, Growth, occlusion_fraction, occlusion_mask

__all__ = ["OCCLUDERS", "Growth", "occlusion_fraction", "occlusion_mask"]
