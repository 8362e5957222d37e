"""Keys of cells: the same for the same content, for ever; another where anything else is measured.

Results that were computed once stay valid: the hashes here are those of the first release.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny
import torch

from analysis.attributions import attention  # noqa: F401 (registers the methods)
from analysis.metrics import CURVE_SCORES
from analysis.stimuli.conditions import CLEAN, Condition
from analysis.stimuli.layout import FRONTAL
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.questions import Sizes
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.rows import MEASURES
from analysis.studies.shift.plan import ShiftStudy
from analysis.subjects.interventions import INTERVENTIONS

SUBJECT = SimpleNamespace(name="iram-seed0", weights_sha256="planted", device="cpu", seed=0,
                          model=torch.nn.Module(), columns=torch.arange(7),
                          logits=lambda pictures: torch.zeros(len(pictures), 7))
CONDITIONS = {
    "clean": CLEAN, "eyes": Condition("eyes", 0.3, "mean"), "sham": Condition("sham", 0.3, "noise"),
    "turned": Condition("box", 0.3, "noise", yaw_deg=30.0),
    "jpeg": Condition(corruption="jpeg", severity=3),
}


def benchmark(**options) -> Benchmark:
    upright = [c for c in CONDITIONS.values() if not c.in_depth]
    return Benchmark([SUBJECT], tiny.dataset(12), upright, Path("out"), batch_size=4, **options)


def suite() -> Suite:
    found = Suite([SUBJECT], tiny.dataset(12), ("random", "sobel"), Path("out"),
                  sizes=Sizes(6, 4, 3, 2))
    found.__dict__["regions"] = torch.zeros(12, 48, 48, dtype=torch.int8)  # of no face: no rounding
    return found


def reader(replaceable=True) -> SimpleNamespace:
    return SimpleNamespace(name="iram-seed0", subject=SUBJECT, permuted=False, channels_alone=False,
                           replaceable=replaceable, found={})


def keys() -> dict[str, str]:
    """What is pinned: a key of each kind."""
    plain, shift = benchmark(), ShiftStudy(benchmark(), [reader()])
    placed, several = benchmark(cameras=FRONTAL.repeat(12, 1, 1)), benchmark(block=8)
    part = several.blocks[1]
    found = {f"occlusion {name}": plain.key(SUBJECT, c) for name, c in CONDITIONS.items()}
    found |= {"occlusion placed": placed.key(SUBJECT, CONDITIONS["eyes"]),
              "occlusion part": several.key(SUBJECT, CONDITIONS["eyes"], part)}
    found |= {f"shift {name}": shift.key(reader(), CONDITIONS[name])
              for name in ("clean", "eyes", "sham")}
    found |= {f"attribution {kind}": suite().key(kind, SUBJECT)
              for kind in ("clean", "reference", "agreement")}
    return found | {f"attribution {kind}": suite().key(kind, SUBJECT, "sobel")
                    for kind in ("maps", "rows", "sanity")}


PINNED = {
    "occlusion clean": "838e6c09184dd79f",
    "occlusion eyes": "0d2714ac44ebeb74",
    "occlusion sham": "9df4ef045d8288c2",
    "occlusion turned": "6d2b8397d29c77b2",
    "occlusion jpeg": "fe0cb48967bf7c36",
    "occlusion placed": "a43bd6798090044d",
    "occlusion part": "2f43f0b6c5afbde8",
    "shift clean": "f11b3f5510f736de",
    "shift eyes": "6b13d4ef2bf8e56a",
    "shift sham": "1ae88def8b6dc659",
    "attribution clean": "9dc51a54a5d2ecc6",
    "attribution reference": "b746803f85f2b088",
    "attribution agreement": "b174860bd2096577",
    "attribution maps": "0038bd008e540cd4",
    "attribution rows": "4a7a887c40132b6b",
    "attribution sanity": "11a9b72460ef4913",
}


@pytest.mark.parametrize("name", PINNED)
def test_a_key_is_that_of_earlier_runs(name):
    assert keys()[name].startswith(PINNED[name])


def test_what_is_measured_beside_is_in_the_key_of_what_holds_it(monkeypatch):
    """And in no other: what can be kept is kept."""
    before = keys()
    monkeypatch.setitem(MEASURES, "entropy", lambda logits, labels: logits.amax(1))
    monkeypatch.setitem(INTERVENTIONS, "halved", lambda maps: maps.own / 2)
    monkeypatch.setitem(CURVE_SCORES, "both", lambda most, least: most + least)
    changed = {name for name, key in keys().items() if key != before[name]}
    assert changed == {*(name for name in before if name.startswith("occlusion")), "shift clean",
                       "shift eyes", "attribution rows"}


def test_maps_of_an_earlier_version_of_a_method_are_never_taken_for_those_of_this_one(monkeypatch):
    """Integrated gradients had 32 steps, and now have up to 128."""
    plan = suite()
    before = {m: plan.key("maps", SUBJECT, m) for m in ("sobel", "integrated_gradients")}
    assert before["integrated_gradients"] != _unversioned(plan, "integrated_gradients", monkeypatch)
    assert before["sobel"] == _unversioned(plan, "sobel", monkeypatch)


def _unversioned(plan, method, monkeypatch) -> str:
    with monkeypatch.context() as patch:
        patch.setattr("analysis.studies.attribution.plan._versions", lambda *methods: {})
        return plan.key("maps", SUBJECT, method)


@pytest.mark.parametrize("change", [
    {"seed": 1}, {"batch_size": 8}, {"dtype": "bf16"}, {"dataset": tiny.dataset(13)},
    {"cameras": FRONTAL.repeat(12, 1, 1)},
])
def test_another_run_has_other_keys(change):
    plan = benchmark()
    other = replace(plan, **change)
    assert plan.key(SUBJECT, CONDITIONS["eyes"]) != other.key(SUBJECT, CONDITIONS["eyes"])
