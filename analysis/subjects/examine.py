"""What a model from outside lacks, found before anything is run, and told to who would use it."""

import copy

import torch
from torch import Tensor

from analysis.attributions.layers import chosen
from analysis.attributions.question import fitted
from analysis.subjects import probe
from analysis.subjects.answers import pictures
from analysis.subjects.outside import OutsideModel
from iram.errors import InputError, one_line
from iram.registry import unknown


def examine(model: OutsideModel, device: str = "cpu") -> None:
    """Fills in what a model lacks, from a few passes.

    Raises:
        InputError: outputs of another shape, no numbers, or not the picture's own; attention that
            is not what the description says.
    """
    images = pictures().to(device)
    for finding in probe.basics(model, images):
        if not finding.good:
            told = finding.told if finding.what == "forward" else (
                f"{model.where}: {finding.what}: {finding.told}")
            raise InputError(told)
    with torch.no_grad():
        logits = model(images)
    if not (finding := probe.outputs(model, logits)).good:
        raise InputError(f"{model.where}: {finding.told}")
    model.notes += finding.hints
    examine_insides(model, images, logits.argmax(1))


def examine_insides(
    model: OutsideModel, images: Tensor, target: Tensor
) -> dict[str, probe.Finding]:
    """`examine`, of what is beyond the outputs; what was found. The gradient is that of the
    classes in `target`."""
    if model.cam_layer:
        chosen(model, fitted(model, images))  # a wrong name is told
    trials = {"layers": probe.layers, "gradients": lambda *one: probe.gradient(*one, target)}
    findings = {}
    for need, trial in trials.items():
        if need in model.lacks:
            continue
        try:
            if not (found := trial(model, images)).good:
                model.lacks[need] = found.told
            findings[need] = found
        except Exception as error:  # a scripted module, say, that takes no hooks
            model.lacks[need] = f"{need} can't be read: {one_line(error, 200)}"
    if "layers" not in model.lacks:
        model.stages = {name.removeprefix("net."): layout
                        for name, layout in probe.stages(model, images).items()}
    if not any(p.is_floating_point() for p in model.parameters()):
        model.lacks.setdefault("weights", "it has no weights to randomise")
    if any(p.layout != torch.strided for p in model.parameters()):
        model.lacks.setdefault("weights", "its weights are sparse, and not randomised")
    try:
        copy.deepcopy(model)
    except Exception as error:
        model.lacks["copies"] = f"it can't be copied: {one_line(error, 200)}"
    if model.description.attention is None:
        model.lacks.setdefault("attention", "its description names no attention")
        return findings
    known = [name for name, _ in model.net.named_modules() if name]
    for name in model.description.attention.layers:
        if name not in known:
            raise InputError(f"{model.where}: [attention]: {unknown('layer', name, known)}")
    findings["attention"] = probe.attention(model, images)
    findings["interventions"] = probe.interventions(model, images)
    if not findings["interventions"].good:
        model.lacks["interventions"] = findings["interventions"].told
    return findings
