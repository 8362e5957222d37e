"""What a net recognises of a few faces, before any study: is it described rightly at all?"""

import time

import torch
from torch import Tensor, nn

from analysis.stimuli.resizing import resize_pictures
from analysis.subjects.judgement import judge
from analysis.subjects.outside import OutsideModel
from analysis.subjects.probe import Finding
from analysis.subjects.scale import another_range
from iram import contract
from iram.data import open_dataset
from iram.data.classes import canonical, match_classes
from iram.data.dataset import FaceDataset
from iram.errors import InputError, listing

HEADS = "heads:n=84"
MOST = 500  # faces
BATCH = 8
SECONDS = 0.6  # of this thread, that the model may take for them, beyond LEAST
LEAST = 24
GAIN = {True: 0.15, False: 0.05}  # by which another range must be better, on rendered heads or not


def faces_of(spec: str | None) -> FaceDataset:
    """The faces that a net is judged by: rendered heads without `spec`; of a data set those of the
    validation split where there is one, since the test split is to choose nothing by."""
    if spec is None:
        return open_dataset(HEADS)
    try:
        return open_dataset(spec, split="validation")
    except InputError:
        return open_dataset(spec, split="test")


def recognition(model: nn.Module, faces: FaceDataset, device: str = "cpu") -> Finding:
    """How many of the faces it takes for what they are, with hints at what is the matter with its
    answers. On rendered heads, which are no photographs, it need not be good at any of it."""
    own = model.classes
    known = {canonical(name) for name in own}
    shared = [name for name in faces.classes if canonical(name) in known]
    if len(shared) < 2:
        return Finding("recognition", False, f"fewer than 2 of the classes of {faces.name} "
                       f"({listing(faces.classes)}) are among its own")
    faces = faces if len(shared) == len(faces.classes) else faces.of_classes(shared)
    order = torch.randperm(len(faces), generator=torch.Generator().manual_seed(0))[:MOST]
    columns = match_classes(shared, own)
    images, answers, seconds = _answered(model, faces, order, columns, device)
    labels = faces.labels[order[: len(answers)]]
    found = judge(answers.numpy(), labels.numpy(), shared)
    right = float((answers == labels).float().mean())
    of = "rendered heads" if faces.renders else f"faces of {faces.name}"
    other = another_range(model, images, labels, columns, GAIN[bool(faces.renders)],
                          seconds) if isinstance(
        model, OutsideModel) else ""
    hints = tuple(f"{of}: {hint}" for hint in [*found.hints, *[other] * bool(other)])
    told = f"right on {right:.1%} of {len(labels)} {of}" + " (others: --data)" * faces.renders
    return Finding("recognition", bool(faces.renders or not (found.mark or other)), told, hints)


@torch.inference_mode()
def _answered(model, faces: FaceDataset, order: Tensor, columns, device: str):
    """The faces in this order, as many as the time allows, the places of what they are taken for,
    and how many seconds one takes."""
    images, answers, left = [], [], SECONDS
    for part in order.split(BATCH):
        images.append(faces.seen_by(contract.channels(model)).images(part.numpy()))
        started, pictures = time.thread_time(), images[-1].to(device)
        if (size := contract.input_size(model)) is not None:
            pictures = resize_pictures(pictures, size)
        answers.append(model(pictures).float().cpu()[:, columns].argmax(1))
        took = time.thread_time() - started
        left -= took
        if left < 0 and BATCH * len(answers) >= LEAST:
            break
    return torch.cat(images), torch.cat(answers), took / len(images[-1])
