"""Which pictures of a folder train, choose and test, where its split folders don't say all of it.

A picture's tenth goes by a hash of its path, so that it stays the same when others are added.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from iram.data.dataset import Problem
from iram.data.pictures import printable, tenth


class Divided(NamedTuple):
    """The set's own split and the role of each picture, and what is said of it."""

    usages: list[str]
    roles: list[str]
    problems: list[Problem]


def divided(
    names: Sequence[str], splits: Mapping[str, str], person_of: Mapping[str, str] | None
) -> Divided:
    """Divides pictures: persons where they are known, else by split folder, else by tenths.

    Args:
        names: of the pictures, `CLASS/x.png` or `SPLIT/CLASS/x.png`.
        splits: the role of each split folder; empty if there are none.
        person_of: who each picture shows; None if nothing says.
    """
    if person_of is not None:
        role_of = _roles_of_persons(set(person_of.values()))
        roles = [role_of[person_of[name]] for name in names]
        told = "the files tell class and person by their names"
        return Divided(list(roles), roles, [_told(roles, told, f"tenth of {len(role_of)} persons")])
    tenths = [tenth("/".join(printable(name).split("/")[-2:])) for name in names]
    if not splits:
        roles = [{0: "test", 1: "validation"}.get(t, "train") for t in tenths]
        return Divided(list(roles), roles, [_told(roles, "there are class folders alone", "tenth")])
    usages = [printable(name.split("/")[0]) for name in names]
    roles = [splits[name.split("/")[0]] for name in names]
    if "validation" in splits.values():
        return Divided(usages, roles, [])
    held_out = [k for k, role in enumerate(roles) if role == "train" and tenths[k] == 0]
    for k in held_out:
        roles[k] = usages[k] = "validation"
    message = (f"there is no val/ folder: a fixed tenth of train/ ({len(held_out):,}) is held out "
               "for it")
    return Divided(usages, roles, [Problem("", None, message, unusable=False)] * bool(held_out))


def _roles_of_persons(persons: Collection[str]) -> dict[str, str]:
    """A tenth of the persons each (rounded up) for test and validation, by a hash of the name."""
    order = sorted(persons, key=lambda person: hashlib.sha256(person.encode()).hexdigest())
    count = -(-len(order) // 10)
    return {person: "test" if k < count else "validation" if k < 2 * count else "train"
            for k, person in enumerate(order)}


def _told(roles: Sequence[str], why: str, tenth_of: str) -> Problem:
    counts = {role: f"({roles.count(role):,})" for role in ("test", "validation", "train")}
    message = (
        f"{why}: of {len(roles):,} faces a fixed {tenth_of} is for the test {counts['test']}, "
        f"another for validation {counts['validation']}, the rest for training {counts['train']}; "
        "--split all takes all of them"
    )
    return Problem("", None, message, unusable=False)
