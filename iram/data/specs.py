"""Specifications: `kind:location,option=value` becomes an open data set."""

import inspect
import os
import re
import warnings

from iram.data.dataset import DATASETS, FaceDataset
from iram.errors import InputError, listing
from iram.registry import unknown

WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
SHOWN_PROBLEMS = 5


def open_dataset(spec: str, split: str | None = None, **options) -> FaceDataset:
    """Opens a data set; the first time, its images are decoded once into the cache.

    Args:
        spec: `kind:location`, followed by options as `,name=value`:
            `fer2013:fer2013.csv`, `ferplus:fer2013.csv,fer2013new.csv,ran_lists=DIR`,
            `rafdb:DIR`, `folder:DIR,size=100`. Each loader's docstring lists its options. `~`
            stands for the home folder.
        split: a role (train, validation, test) or the set's own split name; all if None.
        **options: the same options as in `spec`, and they win over it. `skip_bad=True` leaves
            unusable rows out, says so once in a warning and keeps them in `.problems`.

    What the faces or their labels rest on and no file says (class folders that are numbers, 12-bit
    values in a file of 16) is a warning each time.

    Raises:
        InputError: unknown kind, option or split; a missing or broken file; unusable rows.

    Examples:
        >>> from iram import open_dataset
        >>> faces = open_dataset("heads:n=20", split="test")
        >>> faces.images([0]).shape
        torch.Size([1, 1, 48, 48])
    """
    _, given = read_spec(spec)
    skip_bad = _converted("skip_bad", options.pop("skip_bad", given.get("skip_bad", False)), False)
    dataset = load(spec, **options)
    unusable = [problem for problem in dataset.problems if problem.unusable]
    if unusable and not len(dataset):
        raise InputError(_summary(unusable) + "; no face is left")
    if unusable and not skip_bad:
        plain = re.sub(",skip_bad=[^,]*", "", spec)
        raise InputError(f"{_summary(unusable)}; `{plain},skip_bad=1` leaves them out")
    if unusable:
        warnings.warn(f"left out: {_summary(unusable)}", stacklevel=2)
    for problem in dataset.problems:
        if problem.assumed:
            warnings.warn(str(problem), stacklevel=2)
    return dataset if split is None else dataset.split(split)


def load(spec: str, **options) -> FaceDataset:
    """As `open_dataset`, but unusable rows are only left out and listed in `.problems`.

    For tools that report every problem; the data set may have no face left.
    """
    kind, given = read_spec(spec)
    loader = DATASETS[kind]
    known = _known_options(loader)
    given.update((name, value) for name, value in options.items() if value is not None)
    location = given.pop("location", None)
    given.pop("skip_bad", None)
    for name in given:
        if name not in known:
            raise InputError(f"{spec}: " + unknown("option", name, [*known, "skip_bad"]))
    converted = {name: _converted(name, value, known[name]) for name, value in given.items()}
    dataset = loader(location, **converted) if _takes_location(loader) else loader(**converted)
    dataset.spec = spec
    return dataset


def read_spec(spec: str) -> tuple[str, dict[str, str]]:
    """The kind, and the options as text; what stands before them is under `location`.

    Only `,name=` with a known option name starts an option, so paths may hold commas and colons.

    Raises:
        InputError: no colon, an unknown kind, no location or an unknown option.
    """
    kind, colon, rest = str(spec).partition(":")
    if not colon and (kind not in DATASETS or _takes_location(DATASETS[kind])):
        example = f"{kind}:PATH" if kind in DATASETS else "fer2013:PATH"
        raise InputError(f"'{spec}' is no data set: write KIND:PATH, such as {example}")
    loader = DATASETS[kind]
    known = [*_known_options(loader), "skip_bad"]
    first, *pairs = re.split(rf",(?=(?:{'|'.join(known)})=)", "," + rest)
    names = [pair.partition("=")[0] for pair in pairs]
    if twice := [name for name in known if names.count(name) > 1]:
        raise InputError(f"{spec}: the option {listing(twice)} stands in it more than once")
    options = dict(pair.split("=", 1) for pair in pairs)
    location = os.path.expanduser(first[1:])
    stray = re.search(r",([A-Za-z_]\w*)=", first)
    if stray and not (_takes_location(loader) and os.path.exists(location)):
        raise InputError(f"{spec}: " + unknown("option", stray[1], known))
    if _takes_location(loader):
        if not location:
            raise InputError(f"'{spec}' names no file or folder: write {kind}:PATH")
        options["location"] = location
    elif location:
        raise InputError(f"{spec}: '{location}' is no option; known: {listing(known)}")
    return kind, options


def _takes_location(loader) -> bool:
    parameters = inspect.signature(loader).parameters.values()
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _known_options(loader) -> dict[str, object]:
    """The loader's keyword-only parameters with their defaults."""
    parameters = inspect.signature(loader).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _converted(name: str, value, default):
    """The value as the type of the option's default: bool, int, float or (path) text."""
    if isinstance(default, bool):
        word = str(value).strip().lower()
        if word not in WORDS:
            raise InputError(f"{name}={value}: write 1 or 0")
        return WORDS[word]
    if isinstance(default, int | float):
        try:
            return type(default)(value)
        except (TypeError, ValueError):
            kind = "whole number" if isinstance(default, int) else "number"
            raise InputError(f"{name}={value}: write a {kind}, such as {default}") from None
    return os.path.expanduser(value)


def _summary(problems) -> str:
    """The first few problems and how many there are."""
    shown = "; ".join(str(problem) for problem in problems[:SHOWN_PROBLEMS])
    more = len(problems) - SHOWN_PROBLEMS
    return shown + (f"; and {more} more ({len(problems)} in all)" if more > 0 else "")
