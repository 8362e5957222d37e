"""How the packages that only some commands need are installed: the extras of pyproject.toml."""

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

DISTRIBUTION = "iram-study"
CLONE = Path(__file__).parents[1]


def install_hint(extra: str, clone: Path = CLONE) -> str:
    """The command that installs an extra, such as "faces", in the environment that runs this.

    In a clone it is an editable installation with the versions that were tested. Of an installed
    wheel, which no index offers by name, it is the extra's packages themselves.
    """
    constraints = "constraints-landmarks.txt" if extra == "landmarks" else "constraints.txt"
    packages = _packages(extra)
    if (clone / constraints).is_file() or not packages:
        return f'pip install -c {constraints} -e ".[{extra}]"'
    return "pip install " + " ".join(f'"{package}"' for package in packages)


def _packages(extra: str) -> list[str]:
    """What the installed distribution says that the extra needs everywhere; [] if it is not
    installed."""
    try:
        split = [line.partition(";") for line in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        return []
    names = f'extra == "{extra}"', f"extra == '{extra}'"
    return [package.strip() for package, _, marker in split if marker.strip() in names]
