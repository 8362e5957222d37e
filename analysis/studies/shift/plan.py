"""What a run of the shift study is made of, and by what its cells are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.engine.store import cell_key, read_cell
from analysis.stimuli.conditions import Condition
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.shift.places import FACELESS, Places, place_name, regions_of
from analysis.studies.shift.readers import Reader
from iram.data.heads import REGIONS as HEAD_REGIONS

VERSION = 1  # raise it when what a cell holds changes, so that old cells are made again
CAUSAL_FILLS = ("mean", "noise", "object")
LAYER_FILLS = ("noise", "object")  # layer by layer too: half of the passes of all the others
KINDS = ("shift", "interventions")


@dataclass(frozen=True)
class ShiftStudy:
    """What is run.

    Attributes:
        plan: faces, conditions, batch size, seed and folder.
        readers: the models, and their twins with permuted weights.
        causal_fills: the fills under which attention is also replaced.
    """

    plan: Benchmark
    readers: Sequence[Reader]
    causal_fills: tuple[str, ...] = CAUSAL_FILLS
    _expressive: dict = field(default_factory=dict, repr=False, compare=False)

    def places(self, part: slice) -> Places:
        """The faces of `part`. What rendered heads express takes long to render, and is kept."""
        if not self.plan.dataset.renders:
            return Places(self.plan, part)
        places = Places(self.plan, part, self._expressive.get(part.start))
        self._expressive[part.start] = places.expressive
        return places

    def path(self, kind: str, name: str, condition: Condition) -> Path:
        return self.plan.out / kind / f"{name}--{condition.name}.parquet"

    def key(self, reader: Reader, condition: Condition) -> str:
        regions = regions_of(condition, self.plan.conditions)
        # Said of these alone, so that the cells of all others are as they were.
        channels = {"replaced": False} if reader.channels_alone else {}
        return cell_key(
            version=VERSION, benchmark=self.plan.key(reader.subject, condition),
            permuted=reader.permuted, cameras=self.plan.cameras_sha256,
            regions=[place_name(r) for r in regions.values()],
            causal=self.causal_fills, layers=LAYER_FILLS,
            truth=HEAD_REGIONS if self.plan.dataset.renders else None, **channels,
        )

    def rows(self, kind: str, reader: Reader, condition: Condition) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        return read_cell(self.path(kind, reader.name, condition), self.key(reader, condition))

    def is_done(self, reader: Reader, condition: Condition) -> bool:
        key = self.key(reader, condition)
        return all(
            read_cell(self.path(kind, reader.name, condition), key, ["image_id"]) is not None
            for kind in KINDS
        )

    def replaces(self, reader: Reader, condition: Condition) -> bool:
        """Whether attention is also replaced under this condition."""
        asked = condition.occluder not in FACELESS and condition.fill in self.causal_fills
        return asked and reader.replaceable
