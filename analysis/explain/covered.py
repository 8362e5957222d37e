"""One face before and after an occluder, by a few methods."""

import torch

from analysis.engine.example import Example
from analysis.subjects.answers import numbers
from iram.errors import InputError

EXAMPLE_METHODS = ("attention", "gradcam", "integrated_gradients", "region_shapley")


def explain_covered(subject, dataset, face: int, condition, cameras=None, seed: int = 0) -> Example:
    """One face of a data set before and after an occluder, each by EXAMPLE_METHODS.

    Explained is the clean prediction, on both. Regions are those of the face's own layout. Methods
    that the model can't have are left out.

    Args:
        subject: an `analysis.subjects.Subject`.
        condition: with an occluder, upright.
        cameras: (N, 2, 4) how each face of the data set stands, None: as the mean face.

    Raises:
        InputError: no such face, or a condition without an occluder or that turns the head.
    """
    from analysis.attributions import ATTRIBUTIONS, attribute, missing, options_of
    from analysis.stimuli.perturb import Perturbed
    from analysis.stimuli.regions import placed_regions
    from analysis.stimuli.resizing import luma

    if not 0 <= face < len(dataset):
        raise InputError(f"--face {face}: {dataset.name} has faces 0 to {len(dataset) - 1}")
    if condition.occluder == "none" or condition.in_depth or condition.roll_deg:
        raise InputError(f"condition '{condition.name}': an example is one face under an occluder, "
                         "such as eyes-0.3-mean")
    part = slice(face, face + 1)
    camera = None if cameras is None else cameras[part]
    covered = Perturbed(dataset, part, condition, cameras=camera, seed=seed)
    covered = covered.seen_by(subject.channels)
    images = torch.cat([covered.posed.images, covered.pictures])
    model = subject.model  # loaded here: of one that is loaded in inference mode no gradient is had
    logits = numbers(subject.logits(images), subject.name, condition.name)
    target = int(logits[0].argmax())
    regions = placed_regions(camera, 1, dataset.size).long().expand(2, -1, -1)
    maps = {}
    for method in EXAMPLE_METHODS:
        if not missing(method, model):
            own = {"regions": regions} if "regions" in options_of(method) else {}
            found = attribute(model, images, int(subject.columns[target]), method, **own)
            maps[method] = found.cpu().numpy()
    names, chance = dataset.classes, logits.softmax(1)
    facts = {
        "model": subject.name, "dataset": dataset.name, "image_id": str(covered.ids[0]),
        "label": names[int(dataset.labels[face])], "condition": condition.name,
        "occluder": condition.occluder, "fill": condition.fill, "fraction": condition.fraction,
        "explained": names[target], "predictions": [names[i] for i in logits.argmax(1).tolist()],
        "probabilities": [round(p, 6) for p in chance[:, target].tolist()],
        "signed": [m for m in maps if ATTRIBUTIONS.about(m).signed],
    }
    shown = luma(images) if images.shape[1] == 3 else images
    pictures = (255 * shown[:, 0]).round().to(torch.uint8).numpy()
    return Example(pictures, covered.mask[0].numpy(), maps, facts)
