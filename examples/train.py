"""Trains the example nets on rendered heads: how the weights beside this file were made.

    python examples/train.py

Nothing is downloaded. Weights are written in half precision, as safetensors. On two cores it takes
some ten minutes.
"""

from pathlib import Path

import attentive
import residual
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from analysis.subjects.description import read_description
from analysis.subjects.outside import OutsideModel
from iram import open_dataset
from iram.data.classes import match_classes

HERE = Path(__file__).parent
FACES, EPOCHS, BATCH, LR = 4000, 5, 64, 0.1
NETS = [(residual, "build"), (attentive, "build"), (attentive, "plain")]


def train(net: nn.Module, description, faces) -> None:
    """SGD on a one-cycle schedule, with flips, shifts and changes of light."""
    model = OutsideModel(net, description).train()
    labels = match_classes(faces.classes, description.classes)[faces.labels]
    steps = EPOCHS * (len(faces) // BATCH)
    optimiser = torch.optim.SGD(net.parameters(), LR, 0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(faces)).split(BATCH)[: len(faces) // BATCH]:
            images = varied(faces.images(chosen))
            loss = F.cross_entropy(model(images), labels[chosen], label_smoothing=0.1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def varied(images: torch.Tensor) -> torch.Tensor:
    """Half of them flipped, each shifted by up to 4 px and of other brightness and contrast."""
    count = len(images)
    images = torch.where(torch.rand(count, 1, 1, 1) < 0.5, images.flip(-1), images)
    padded = F.pad(images, [4] * 4, mode="replicate")
    top, left = torch.randint(9, (2,)).tolist()
    size = images.shape[-1]
    images = padded[:, :, top : top + size, left : left + size]
    gain, shift = torch.rand(2, count, 1, 1, 1) * 0.4 - 0.2
    return (images * (1 + gain) + shift).clamp(0, 1)


@torch.no_grad()
def accuracy(net: nn.Module, description, faces) -> float:
    model = OutsideModel(net, description).eval()
    labels = match_classes(faces.classes, description.classes)[faces.labels]
    answers = torch.cat([model(faces.images(part)) for part in torch.arange(len(faces)).split(256)])
    return float((answers.argmax(1) == labels).float().mean())


def main() -> None:
    train_faces = open_dataset(f"heads:n={FACES * 10 // 7}", split="train")
    test_faces = open_dataset("heads:n=1400", split="test")
    for module, factory in NETS:
        torch.manual_seed(0)
        net = getattr(module, factory)()
        description = read_description(
            Path(module.__file__), "net", {}, factory, ("build", "plain")
        )
        train(net, description, train_faces)
        found = accuracy(net, description, test_faces)
        state = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
        save_file(state, HERE / description.weights)
        print(f"{description.weights}: {100 * found:.1f}% of {len(test_faces)} heads", flush=True)


if __name__ == "__main__":
    main()
