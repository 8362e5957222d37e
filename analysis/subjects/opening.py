"""Opening the models of --models, and bringing their classes and the data set's together."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import torch
from torch import nn

from analysis.attributions.layers import name_layer
from analysis.subjects.loading import is_outside, load_outside
from analysis.subjects.outside import OutsideModel
from analysis.subjects.subject import Subject, changed
from iram.data.classes import canonical, match_classes
from iram.data.dataset import FaceDataset
from iram.errors import InputError, listing
from iram.names import split_names
from iram.weights import PRETRAINED, find_weights, load_model, read_card

Models: TypeAlias = str | Subject | nn.Module | Sequence[str | Subject | nn.Module]
"""Names and files as --models takes them, subjects, or modules that say all themselves."""


MEMORY = "one in memory"  # where a module is that no file holds


class OutsideSubject(Subject):
    """A model from a file that is none of ours."""

    @cached_property
    @torch.inference_mode(False)
    def model(self) -> nn.Module:
        model, _ = open_outside(self.spec, self.device)
        if not model.known.agrees(self.known):
            raise InputError(f"{self.spec} has changed since it was opened")
        return name_layer(model, self.layer)


def open_outside(spec: str, device: str = "cpu"):
    """(model, SHA-256): loaded, and examined for what it can do."""
    from analysis.subjects.examine import examine

    model, known = load_outside(spec, device)
    examine(model, device)
    return model, known


def open_model(spec: str, device: str = "cpu") -> nn.Module:
    """One model by itself: faces (N, 1, S, S) in [0, 1] -> logits over its own classes."""
    return open_outside(spec, device)[0] if is_outside(spec) else load_model(spec, device)


def open_subjects(
    models: Models, classes: Sequence[str], device: str = "cpu", bf16: bool = False
) -> list[Subject]:
    """The models of a comma-separated list: shipped names, weights files of ours, FILE.py:factory,
    FILE.onnx and FILE.pt2; and subjects as they are, on their own device.

    Raises:
        InputError: no such model, a mistake in one, two of one name, or classes that one lacks.
    """
    subjects = _opened(models, device, bf16)
    for subject in subjects:
        _match(subject, classes)
    return subjects


def open_study(
    models: Models, dataset: FaceDataset, device: str = "cpu", bf16: bool = False
) -> tuple[list[Subject], FaceDataset]:
    """The models, and the faces that all of them have a class for.

    Prints, before anything is run, what each model from outside is and can't do, how many faces
    are left out, and which of a model's classes are left aside: their logits are dropped, and the
    prediction is the highest of the others.

    Raises:
        InputError: as `open_subjects`; or fewer than 2 classes in common.
    """
    subjects = _opened(models, device, bf16)
    known = [{canonical(name) for name in subject.classes} for subject in subjects]
    shared = [c for c in dataset.classes if all(canonical(c) in names for names in known)]
    if len(shared) < 2:
        lists = "; ".join(f"{s.name}: {listing(s.classes)}" for s in subjects)
        raise InputError(f"{dataset.name} has the classes {listing(dataset.classes)}; fewer than 2 "
                         f"of them are in all models ({lists}). {_other_names(dataset, subjects)}")
    for subject in subjects:
        _match(subject, shared)
    lines = [*map(told, (s for s in subjects if s.spec))]
    lines += [f"{s.name}: runs in the file's own arithmetic, not in bf16" for s in subjects
              if bf16 and isinstance(s.model, OutsideModel)
              and not isinstance(s.model.net, nn.Module)]
    lines += _unmatched(subjects, known, dataset, shared)
    if lines:
        print("\n".join(lines), flush=True)
    return subjects, dataset if len(shared) == len(dataset.classes) else dataset.of_classes(shared)


def _other_names(dataset: FaceDataset, subjects) -> str:
    """Where counterparts can be named: in the data's specification, or a model's description."""
    where = []
    if dataset.spec.startswith("folder:"):
        order = "NAME+NAME+..., in the order of the numbers" if all(
            name.isdigit() for name in dataset.classes) else "FOLDER:NAME+FOLDER:NAME+..."
        where.append(f"name them in the data: {dataset.spec},classes={order}")
    if any(subject.spec for subject in subjects):
        where.append("a description's [mapping] names other counterparts")
    told = "; or ".join(where) or "choose models that were trained on these classes"
    return told[0].upper() + told[1:]


def name_layers(subjects: Sequence[Subject], layer: str | None) -> None:
    """Tells models which layer class activation maps read.

    Raises:
        InputError: one has no such layer.
    """
    from analysis.subjects.probe import with_layer

    for subject in subjects if layer else ():
        subject.layer = layer
        with_layer(subject.model, layer, subject.device)


def told(subject: Subject) -> str:
    """What a model from outside is, and what it can't do."""
    model = subject.model
    text = (f"{subject.name}: {subject.spec}, {model.size} px {model.description.colour}, "
            f"{len(subject.classes)} classes, {model.description.output}")
    return "; ".join([text, *model.notes, *dict.fromkeys(model.lacks.values())])


def _unmatched(subjects, known, dataset: FaceDataset, shared: list[str]) -> list[str]:
    """A line per set of classes that are left out, of the data and of the models."""
    lines = []
    counts = dataset.labels.bincount(minlength=len(dataset.classes)).tolist()
    for name, count in zip(dataset.classes, counts, strict=True):
        if name not in shared:
            lack = [
                s.name for s, n in zip(subjects, known, strict=True) if canonical(name) not in n
            ]
            lines.append(
                f"left out: {count:,} faces of '{name}', a class that {listing(lack)} lacks"
            )
    if len(shared) < len(dataset.classes):
        kept = sum(n for c, n in zip(dataset.classes, counts, strict=True) if c in shared)
        lines.append(f"shown: the {kept:,} faces of {listing(shared)}")
    wanted = {canonical(name) for name in shared}
    for subject in subjects:
        extra = [name for name in subject.classes if canonical(name) not in wanted]
        if extra:
            lines.append(f"{subject.name}: its logits of {listing(extra)} are dropped; no face "
                         "shown is of such a class")
    return lines


def each_of(models: Models) -> list[str | Subject | nn.Module]:
    """Each model by itself; names apart.

    Raises:
        InputError: something that is neither a name, a subject nor a module.
    """
    listed = list(models) if isinstance(models, list | tuple) else [models]
    found: list[str | Subject | nn.Module] = []
    for one in listed:
        if isinstance(one, str):
            found += split_names(one)
        elif isinstance(one, Subject | nn.Module):
            found.append(one)
        else:
            raise InputError(f"models: {one!r:.80} is of type {type(one).__name__}; write a name, "
                             "a file, or Subject.of(module, classes=..., size=...)")
    return found


def _opened(models: Models, device: str, bf16: bool) -> list[Subject]:
    subjects: list[Subject] = []
    named: dict[str, list[str]] = {}
    for one in each_of(models):
        if isinstance(one, str):
            subject = (_outside if is_outside(one) else _ours)(one, device, bf16)
        else:
            subject = _shared(one if isinstance(one, Subject) else Subject.of(one), bf16)
        subjects.append(subject)
        shipped = subject.path.parent == PRETRAINED
        place = "the shipped one" if shipped else one if isinstance(one, str) else MEMORY
        named.setdefault(subject.name, []).append(place)
    if not subjects:
        raise InputError("--models names no model; `iram models` lists them")
    for name, places in named.items():
        if len(places) > 1:
            raise InputError(f"--models: {_twice(name, places)}")
    return subjects


def _shared(subject: Subject, bf16: bool) -> Subject:
    """The same model, whose classes can be matched with other data without changing the user's."""
    return changed(subject, bf16=subject.bf16 or bf16)


def _twice(name: str, places: list[str]) -> str:
    """What is told of models of one name, by where each was found."""
    first, second = places[:2]
    if first == second != MEMORY:
        return f"{name} named twice; results are kept by name"
    told = f"{name} is both {first} and {second}; results are kept by name: "
    if MEMORY in (first, second):
        return told + "give one of them another `name` in Subject.of"
    if any(is_outside(place) for place in (first, second)):
        return told + "give one of them another `name` in its description"
    return told + ("rename the file and its .json, with the label in it, or train with "
                   "--suffix=-mine")


def _ours(name: str, device: str, bf16: bool) -> Subject:
    path = find_weights(name)
    card = read_card(path)
    known = path.stem, card["seed"], card["weights_sha256"]
    return Subject(path, *known, None, device, bf16, tuple(card["architecture"]["classes"]))


def _outside(spec: str, device: str, bf16: bool) -> OutsideSubject:
    model, known = open_outside(spec, device)
    path, classes = Path(model.where), model.description.data_classes
    subject = OutsideSubject(path, model.name, model.seed, known, None, device, bf16, classes, spec,
                             model.known)
    subject.__dict__["model"] = model  # already read, to see what it can do
    return subject


def _match(subject: Subject, classes: Sequence[str]) -> None:
    try:
        subject.columns = match_classes(classes, subject.classes)
    except InputError as error:
        raise InputError(
            f"model '{subject.name}' does not fit the data's classes: {error}"
        ) from None
