"""Models as training leaves them, made of the answers that they get right."""

import numpy as np

from analysis.studies.training.measured import Measured
from iram.training.recipe import Recipe


def measured(label, hits, seed=0, attention=None, recipe=None, **switches):
    card = {
        "architecture": {"attention": attention or label.split("-")[0], "switches": switches,
                         "backbone": "compact", "width": 1.0},
        "recipe": Recipe.from_dict(recipe or {}).to_dict(), "parameters": 10,
        "data": {"name": "fer2013", "sha256": "x"},
        "accuracy": {"PrivateTest": {"accuracy": float(np.mean(hits)), "n": len(hits)},
                     "PrivateTest, flip": {"accuracy": float(np.mean(hits)) + 0.01}},
    }
    hits = np.array(hits, dtype=int)
    return Measured(label, seed, card, answers=hits, labels=np.ones_like(hits))


def random_hits(share, seed, n=400):
    return (np.random.default_rng(seed).random(n) < share).astype(float)
