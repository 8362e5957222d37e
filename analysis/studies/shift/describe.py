"""Every measure of a batch: the map on the clean faces against that on the covered ones."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.stimuli.conditions import Condition
from analysis.studies.shift import measures as measure
from analysis.studies.shift.controls import mechanical_null
from analysis.studies.shift.places import Places
from analysis.studies.shift.readers import LayerReading, Reading
from iram.cells import Cells

HELD = ("mass", "mass_change", "standard_change", "elsewhere_change", "visible_gain", "expressive",
        "expressive_change", "expressive_other_change", "moved", "moved_mechanical", "away",
        "away_mechanical", "spread", "effective", "effective_change",
        "effective_elsewhere_change", "channels_leave", "weighted_change", "gate_variation",
        "effective_variation")  # by cells of VERSION
MEASURES = (*HELD,)  # a measure that comes after HELD makes its cells anew


def compare(
    places: Places, regions: Mapping[str, Condition], clean: Reading, occluded: Reading
) -> pd.DataFrame:
    """A row per image, region and layer, with every measure of `describe`."""
    layers = [describe(places, list(regions.values()), *both)
              for both in zip(clean.layers, occluded.layers, strict=True)]
    faces, each = len(places.ids), np.arange(len(layers), dtype=np.int8)
    values = {name: torch.stack([layer[name].float().view(-1, faces) for layer in layers], 1)
              for name in MEASURES}  # (regions, layers, faces)
    return pd.DataFrame({
        "image_id": [*places.ids] * (len(regions) * len(layers)),
        "region": np.repeat(list(regions), len(layers) * faces),
        "layer": np.tile(np.repeat(each, faces), len(regions)),
        **{name: value.flatten().numpy() for name, value in values.items()},
    })


def describe(
    places: Places, regions: Sequence[Condition], clean: LayerReading, occluded: LayerReading
) -> dict[str, Tensor]:
    """The measures of one layer, each (R * N,): of one of the R regions on all faces after another.
    Of its map A (N, h, w), the mean over channels:

    mass: `log_mass` of the region on the clean picture. mass_change: under occlusion minus that.
    standard_change: the same of `standard_mass`, both in standard deviations of the clean map.
    elsewhere_change: mass_change of the permuted mask.
    visible_gain: of the rest of the face.
    expressive: `expressive_mass` of the mechanical null. expressive_change: under occlusion minus
        that. expressive_other_change: the same of what carries the other expressions.
    moved, moved_mechanical: `movement` to the map under occlusion, and to the mechanical null.
    away, away_mechanical: the same of `away`, from the region.
    spread: `spatial_spread` of the clean map.

    Of what else a layer is read by (`LayerReading`):

    effective, effective_change, effective_elsewhere_change: as mass, mass_change and
        elsewhere_change, of the effective multiplier.
    channels_leave: `channels_leaving`, minus the same of the permuted mask.
    weighted_change: as mass_change, of attention weighted by the evidence for the true class.
    gate_variation, effective_variation: `variation` under occlusion, of the gates and of the
        effective multiplier.
    """
    own, elsewhere = places.cells(regions, *clean.map.shape[1:])
    expressive = places.expressive_at(*clean.map.shape[1:])
    values = (_of_map(own, elsewhere, expressive, clean.map, occluded.map)
              | _of_channels(own, elsewhere, clean, occluded)
              | {name: _each(value, own) for name, value in _of_picture(clean, occluded).items()})
    return {name: values[name] for name in MEASURES}


def _each(values: Tensor, cells: Cells) -> Tensor:
    """What is told of N faces, once a region: (R * N, ...)."""
    return values.repeat(len(cells.inside) // len(values), *[1] * (values.ndim - 1))


def _of_picture(clean: LayerReading, occluded: LayerReading) -> dict[str, Tensor]:
    """What does not depend on the region, (N,)."""
    return {
        "moved": measure.movement(clean.map, occluded.map),
        "gate_variation": measure.variation(occluded.channels),
        "effective_variation": measure.variation(occluded.effective[:, None]),
    }


def _of_map(cells: Cells, elsewhere: Cells, expressive, clean: Tensor, occluded: Tensor) -> dict:
    clean, occluded, own, others = (_each(one, cells) for one in (clean, occluded, *expressive))
    spread, null = measure.spatial_spread(clean, cells), mechanical_null(clean, cells)
    mass = measure.log_mass(clean, cells)

    def change(of, *arguments, before=clean) -> Tensor:
        return of(occluded, *arguments) - of(before, *arguments)

    return {
        "mass": mass,
        "mass_change": measure.log_mass(occluded, cells) - mass,
        "standard_change": change(measure.standard_mass, cells, spread),
        "elsewhere_change": change(measure.log_mass, elsewhere),
        "visible_gain": measure.visible_gain(clean, occluded, cells),
        "expressive": measure.expressive_mass(null, cells, own),
        "expressive_change": change(measure.expressive_mass, cells, own, before=null),
        "expressive_other_change": change(measure.expressive_mass, cells, others, before=null),
        "moved_mechanical": measure.movement(clean, null),
        "away": measure.away(clean, occluded, cells.inside),
        "away_mechanical": measure.away(clean, null, cells.inside),
        "spread": spread,
    }


def _of_channels(
    cells: Cells, elsewhere: Cells, clean: LayerReading, occluded: LayerReading
) -> dict[str, Tensor]:
    before, after = (_each(one.effective, cells) for one in (clean, occluded))
    effective = measure.log_mass(before, cells)
    channels = clean.channels, occluded.channels
    weighted = torch.full_like(effective, torch.nan)
    if clean.weighted is not None and occluded.weighted is not None:
        weighted = torch.sub(*(measure.log_mass(_each(one, cells), cells, measure.LITTLE)
                               for one in (occluded.weighted, clean.weighted)))
    return {
        "effective": effective,
        "effective_change": measure.log_mass(after, cells) - effective,
        "effective_elsewhere_change": measure.log_mass(after, elsewhere)
        - measure.log_mass(before, elsewhere),
        "channels_leave": measure.channels_leaving(*channels, cells)
        - measure.channels_leaving(*channels, elsewhere),
        "weighted_change": weighted,
    }
