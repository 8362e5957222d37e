"""An image classifier of transformers, from a folder as `save_pretrained` leaves one.

    python examples/transformer.py runs/vit     # the folder of a small ViT with random weights
    iram models --check runs/vit/transformer.py:build

`describe` writes the description from the folder's own files; nothing is downloaded.
"""

import json
import shutil
import sys
from pathlib import Path

from torch import nn

HERE = Path(__file__).parent


def build() -> nn.Module:
    """The classifier in the folder of this file, whose attention can be read ("eager")."""
    from transformers import AutoModelForImageClassification

    return AutoModelForImageClassification.from_pretrained(
        HERE, local_files_only=True, attn_implementation="eager")


def describe(folder: Path) -> str:
    """The description, from config.json and preprocessor_config.json."""
    config, seen = (json.loads((folder / f"{name}.json").read_text("utf-8"))
                    for name in ("config", "preprocessor_config"))
    labels = {int(place): name for place, name in config["id2label"].items()}
    layers = [f"vit.layers.{i}.attention" for i in range(config["num_hidden_layers"])]
    return "\n".join([
        f"input_size = {seen['size']['height']}", 'colour = "rgb"',
        f"classes = {json.dumps([labels[place] for place in sorted(labels)])}",
        f"mean = {seen['image_mean']}", f"std = {seen['image_std']}",
        "[attention]", f"layers = {json.dumps(layers)}", 'read = "tokens"', ""])


def main(folder: str) -> None:
    """Makes such a folder of a net with random weights, and puts this file beside it."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor, set_seed

    set_seed(0)
    classes = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    config = ViTConfig(image_size=64, patch_size=8, hidden_size=48, num_hidden_layers=3,
                       num_attention_heads=3, intermediate_size=96,
                       id2label=dict(enumerate(classes)),
                       label2id={name: place for place, name in enumerate(classes)})
    out = Path(folder)
    ViTForImageClassification(config).save_pretrained(out)
    ViTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(out)
    shutil.copy(__file__, out / "transformer.py")
    (out / "transformer.toml").write_text(describe(out), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
