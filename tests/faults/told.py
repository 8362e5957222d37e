"""What a campaign tells, and the table that keeps it over many runs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from analysis.engine.store import read_table, write_table

KEY = ["part", "what", "seed"]
COLUMNS = [*KEY, "tried", "findings", "seen"]


@dataclass(frozen=True)
class Told:
    """What came of something that was tried.

    Attributes:
        what: a format or a command.
        seen: what was tried, and what came of it.
        tried: how often: damaged files, processes killed, runs. 0: it can't be tried here.
        findings: how many of them went wrong.
    """

    what: str
    seen: str
    tried: int = 1
    findings: int = 0

    def __str__(self) -> str:
        outcome = "ok" if self.tried else "skip"
        if self.findings:
            outcome = f"{self.findings} findings in"
        return f"{outcome} {self.what}: {self.tried} {self.seen}"


def counted(lines: Iterable) -> Iterator[Told]:
    """What was tried, with the number of the findings told before it; all is printed."""
    findings = 0
    for line in lines:
        if isinstance(line, Told):
            line, findings = replace(line, findings=findings), 0
            yield line
        else:
            findings += 1
        print(line, flush=True)
    assert not findings, "what was tried is told after what was found"


def add(path: Path, part: str, seed: int, told: Sequence[Told]) -> None:
    """Writes a row for each into the table. Rows of an earlier run of the same part and seed of
    what is told here are left out; those of other seeds stay, since they tried other faults."""
    table = pd.DataFrame([{"part": part, "seed": seed, **asdict(one)} for one in told])[COLUMNS]
    if path.exists():
        known = read_table(path)
        same = pd.MultiIndex.from_frame(known[KEY]).isin(pd.MultiIndex.from_frame(table[KEY]))
        table = pd.concat([known[~same], table])
    write_table(path, table)
