"""A model that is in memory already: any torch module, with what has to be said of it."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import torch
from torch import nn

from analysis.engine.store import cell_key
from analysis.subjects.answers import known_by, pictures
from analysis.subjects.as_written import as_written, with_modes
from analysis.subjects.description import Description, consistent
from analysis.subjects.examine import examine
from analysis.subjects.fields import checked_value
from analysis.subjects.loading import weights_hash
from analysis.subjects.outside import OutsideModel
from analysis.subjects.subject import Subject
from iram.errors import InputError, one_line
from iram.model import FERClassifier

WHERE = "Subject.of"
FIELDS = {"size": "input_size", "channels": "colour"}  # called otherwise in a description
COLOURS = {1: "gray", 3: "rgb"}


class GivenSubject(Subject):
    """A subject of a module that no file holds: workers get it whole."""

    def __getstate__(self) -> dict:
        return self.__dict__


def given(module: nn.Module, device: str = "cpu", **said) -> Subject:
    """See `analysis.subjects.Subject.of`; `said` are its other arguments, None where left out."""
    said = {field: value for field, value in said.items() if value is not None}
    if not isinstance(module, nn.Module):
        raise InputError(f"{WHERE} takes a torch.nn.Module, not a {type(module).__name__}"
                         + ("; names and files go to `models` as they are"
                            if isinstance(module, str) else ""))
    apart = _copied(module)
    with_modes(apart)
    apart.eval()  # what these return is the net only where its own `train` and `to` say so
    apart.to(device)
    made = _ours if isinstance(apart, FERClassifier) else _outside
    return made(apart, device, said)


def _ours(model: FERClassifier, device: str, said: dict) -> Subject:
    """One that says itself what its classes and its size are."""
    beyond = [field for field in said if field not in ("name", "seed")]
    if beyond:
        raise InputError(f"{WHERE}: {beyond[0]} = {said[beyond[0]]!r}: a FERClassifier says it "
                         "itself; leave it out")
    name, seed = (checked_value(WHERE, field, said.get(field, usual)) for field, usual in (
        ("name", model.name), ("seed", model.seed or 0)))
    known = cell_key(weights=weights_hash(model), architecture=asdict(model.architecture))
    subject = GivenSubject(Path(name), name, seed, known, None, device, False, model.classes)
    subject.__dict__["model"] = model.to(memory_format=torch.channels_last)
    return subject


def _outside(net: nn.Module, device: str, said: dict) -> Subject:
    net, notes = as_written(net)
    for field, what in (("classes", "the names of its classes, in the order of its outputs"),
                        ("size", "pixels a side, such as 112")):
        if field not in said:
            raise InputError(f"{WHERE}: {field} is missing: {what}")
    usual = re.sub(r"[^A-Za-z0-9_.+-]", "-", type(net).__name__)[:80]
    values = {"channels": 1, "name": usual, **said}
    described = {FIELDS.get(field, field): _checked(field, value)
                 for field, value in values.items()}
    model = OutsideModel(net, consistent(WHERE, Description(**described)), values["name"])
    model = model.eval().to(device)
    model.notes += tuple(notes)
    images = pictures().to(device)
    model.take_turns(images)
    model.tell_choice(images)
    examine(model, device)
    known = known_by(model, _content(net, model), device)
    subject = GivenSubject(Path(model.name), model.name, model.seed, known.key, None, device, False,
                           model.classes, f"a {type(net).__name__} in memory", known)
    subject.__dict__["model"] = model
    return subject


def _checked(field: str, value):
    """The value as a description has it, from what is usual in Python: tuples, arrays, a list of
    layers."""
    if field == "channels":
        if value not in COLOURS:
            raise InputError(f"{WHERE}: channels = {value!r}: write 1 (gray) or 3 (RGB)")
        return COLOURS[value]
    plain = value.tolist() if hasattr(value, "tolist") else value
    if field == "attention" and isinstance(plain, str | Sequence):
        plain = {"layers": plain}
    if isinstance(plain, Mapping):
        plain = {key: _listed(one) for key, one in plain.items()}
    return checked_value(WHERE, FIELDS.get(field, field), _listed(plain), field)


def _listed(value):
    return list(value) if isinstance(value, tuple) else value


def _copied(module: nn.Module) -> nn.Module:
    """A copy, so that the user's own stays as it is, and workers can have others of it."""
    try:
        return copy.deepcopy(module)
    except Exception as error:  # whatever a user's module raises
        raise InputError(f"{WHERE}: this {type(module).__name__} can't be copied: "
                         f"{one_line(error, 200)}; name it as FILE.py:factory instead") from error


def _content(net: nn.Module, model: OutsideModel) -> str:
    """A hash of what a net is known by that has no file, beside its answers: its weights and its
    layers."""
    return cell_key(weights=weights_hash(net), layers=sha256(repr(net).encode()).hexdigest(),
                    description=model.description.to_dict())
