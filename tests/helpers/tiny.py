"""Small faces and models for the tests of the study."""

import json

import numpy as np
import pandas as pd
import torch

from iram.architecture import FER2013_CLASSES
from iram.data.dataset import FaceDataset
from iram.model import build_model
from iram.training.recipe import Recipe
from iram.weights import save_model


def dataset(n: int = 40, size: int = 48, classes=FER2013_CLASSES) -> FaceDataset:
    """Random pictures with smooth gray values, all classes, test split."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 255, (n, size // 6, size // 6)).astype(np.uint8)
    pixels = coarse.repeat(6, 1).repeat(6, 2)
    metadata = pd.DataFrame({
        "image_id": [f"face{i:03d}" for i in range(n)], "usage": "Test", "split": "test",
        "row": range(n),
    })
    return FaceDataset(
        name="tiny", classes=classes, labels=np.arange(n) % len(classes), metadata=metadata,
        size=size, pixels=pixels, sha256="tiny",
    )


def weights(folder, attention: str = "iram", seed: int = 0, **options):
    """Path of a saved small model whose gates are not constant."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_model("compact", attention, width=0.25, **options)
        for name, parameter in model.named_parameters():  # IRAM's gates start constant
            if "expand" in name or "input_weight" in name:
                parameter.data.normal_()
        path = folder / f"{attention}-seed{seed}.safetensors"
        save_model(model, path, {"seed": seed})
    return path


def carded(folder, file, label, attention, seed=0, data="faces", switches=None, **recipe):
    """Small weights with a whole card, in a file whose name tells nothing."""
    made = weights(folder, attention, seed, **(switches or {}))
    for kind in (".safetensors", ".json"):
        made.with_suffix(kind).rename(folder / f"{file}{kind}")
    path = folder / f"{file}.json"
    card = json.loads(path.read_text()) | {
        "label": label, "data": {"name": data, "sha256": data},
        "recipe": Recipe(**{"epochs": 24, **recipe}).to_dict(),
    }
    path.write_text(json.dumps(card))
    return folder / f"{file}.safetensors"
