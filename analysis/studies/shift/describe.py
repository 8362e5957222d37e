"""Every measure of a batch: the map on the clean faces against that on the covered ones."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.stimuli.conditions import Condition
from analysis.studies.shift import measures as measure
from analysis.studies.shift.controls import mechanical_null
from analysis.studies.shift.places import Places
from analysis.studies.shift.readers import LayerReading, Reading

HELD = ("mass", "mass_change", "standard_change", "elsewhere_change", "visible_gain", "expressive",
        "expressive_change", "expressive_other_change", "moved", "moved_mechanical", "away",
        "away_mechanical", "spread", "effective", "effective_change",
        "effective_elsewhere_change", "channels_leave", "weighted_change", "gate_variation",
        "effective_variation")  # by cells of VERSION
MEASURES = (*HELD,)  # a measure that comes after HELD makes its cells anew


def compare(places: Places, regions, clean: Reading, occluded: Reading) -> pd.DataFrame:
    """A row per image, region and layer, with every measure of `describe`."""
    tables, layers = [], list(zip(clean.layers, occluded.layers, strict=True))
    whole = [_of_picture(*layer) for layer in layers]  # once, and not region by region
    for name, region in regions.items():
        for layer, (before, after) in enumerate(layers):
            values = describe(places, region, before, after, whole[layer])
            table = pd.DataFrame({name: v.float().numpy() for name, v in values.items()})
            table.insert(0, "layer", np.int8(layer))
            table.insert(0, "region", name)
            table.insert(0, "image_id", places.ids)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def describe(
    places: Places, region: Condition, clean: LayerReading, occluded: LayerReading,
    whole: dict[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The measures of one layer, each (N,). Of its map A (N, h, w), the mean over channels:

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
    values = (_of_map(places, region, clean.map, occluded.map)
              | _of_channels(places, region, clean, occluded)
              | (whole or _of_picture(clean, occluded)))
    return {name: values[name] for name in MEASURES}


def _of_picture(clean: LayerReading, occluded: LayerReading) -> dict[str, Tensor]:
    """What does not depend on the region: `whole` of `describe`."""
    return {
        "moved": measure.movement(clean.map, occluded.map),
        "gate_variation": measure.variation(occluded.channels),
        "effective_variation": measure.variation(occluded.effective[:, None]),
    }


def _of_map(places: Places, region: Condition, clean: Tensor, occluded: Tensor) -> dict:
    size = clean.shape[1:]
    cells, elsewhere = places.cells(region, *size), places.elsewhere(region, *size)
    spread, null = measure.spatial_spread(clean, cells), mechanical_null(clean, cells)
    own, others = places.expressive_at(*size)
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


def _of_channels(places: Places, region: Condition, clean: LayerReading, occluded: LayerReading):
    size = clean.map.shape[1:]
    cells, elsewhere = places.cells(region, *size), places.elsewhere(region, *size)
    effective = measure.log_mass(clean.effective, cells)
    channels = clean.channels, occluded.channels
    weighted = torch.full((len(clean.map),), torch.nan)
    if clean.weighted is not None and occluded.weighted is not None:
        after, before = (measure.log_mass(one, cells, measure.LITTLE)
                         for one in (occluded.weighted, clean.weighted))
        weighted = after - before
    return {
        "effective": effective,
        "effective_change": measure.log_mass(occluded.effective, cells) - effective,
        "effective_elsewhere_change": measure.log_mass(occluded.effective, elsewhere)
        - measure.log_mass(clean.effective, elsewhere),
        "channels_leave": measure.channels_leaving(*channels, cells)
        - measure.channels_leaving(*channels, elsewhere),
        "weighted_change": weighted,
    }
