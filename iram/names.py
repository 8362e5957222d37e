"""How a trained model is called: LABEL-seedN, as cbam-seed1; and lists of names."""

import os
import re

SEED = re.compile(r"-seed(\d+)$")


def name_of(label: str, seed: int) -> str:
    """The name of the model of this label that was trained with this seed."""
    return f"{label}-seed{seed}"


def label_of(name: str) -> str:
    """The name without its training seed; a name that tells none is a label itself."""
    return SEED.sub("", name)


def seed_of(name: str) -> int | None:
    """The training seed that a name tells, None if it tells none."""
    found = SEED.search(name)
    return int(found[1]) if found else None


def split_names(text: str) -> list[str]:
    """The names of a comma-separated list; the path of a file or folder that exists may hold commas
    itself (also before `:factory`), as long as it stands there whole."""
    parts, names, place = text.split(","), [], 0
    while place < len(parts):
        stop = next((stop for stop in range(len(parts), place + 1, -1)
                     if _is_there(",".join(parts[place:stop]))), place + 1)
        names.append(",".join(parts[place:stop]).strip())
        place = stop
    return [name for name in names if name]


def _is_there(path: str) -> bool:
    path = os.path.expanduser(path.strip())
    file, _, factory = path.rpartition(":")
    return os.path.exists(path) or ("," not in factory and os.path.isfile(file))
