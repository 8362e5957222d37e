"""How the benchmark's cells are computed: (model x condition x image) -> rows.

Conditions that cover the same places are run together: the occluder is placed once per batch, and
each perturbed picture is shown to every model that still lacks the cell. Of many faces a cell has a
file for each block of them, so neither memory nor what an interruption loses grows with their
number.
"""

from collections.abc import Sequence

import torch

from analysis.engine.cells import Advance, Cell
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.rows import rows_of
from iram import contract


def compute(benchmark: Benchmark, cells: Sequence[Cell], advance: Advance) -> None:
    """Computes and writes cells of conditions of one place and of the same faces.

    Args:
        advance: called with the number of faces after every forward pass.
    """
    faces, wanted = cells[0].of[2], {}
    for cell in cells:
        wanted.setdefault(cell.of[1], []).append(cell)
    logits, shares = {cell: [] for cell in cells}, []
    for start in range(faces.start, faces.stop, benchmark.batch_size):
        part = slice(start, min(start + benchmark.batch_size, faces.stop))
        first = benchmark.perturbed(next(iter(wanted)), part)
        shares.append(first.shares)
        for condition, alike in wanted.items():
            covered, pictures = first.under(condition), {}
            for cell in alike:
                faces_seen = covered.seen_by(contract.channels(cell.of[0]))
                channels = faces_seen.dataset.channels
                if channels not in pictures:
                    pictures[channels] = faces_seen.pictures
                images = pictures[channels]
                logits[cell].append(cell.of[0].logits(images))
                advance(len(images))
    shares = torch.cat(shares, 1)
    for cell in cells:
        subject, condition, _ = cell.of
        answers = torch.cat(logits[cell])
        table = rows_of(benchmark.dataset, faces, condition, subject, answers, shares)
        cell.write(table)
