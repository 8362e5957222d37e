"""Weights from a safetensors file into a net, their names brought together."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from analysis.subjects.formats import CHECKPOINTS, by_torch_save
from analysis.subjects.python_file import read_source
from iram.errors import InputError, listing, one_line
from iram.files import unfetched

WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""What DataParallel, torch.compile and the like put between the names of modules."""
INDEX = ".safetensors.index.json"
COUNTER = "num_batches_tracked"  # nothing depends on it outside training; old files lack it


def put_weights(net: nn.Module, file: Path) -> list[str]:
    """Puts the tensors of a safetensors file, or of all parts of a file in several, into a net;
    returns what there is to say of it.

    Where the names of the file are the net's but for a common prefix on either side, or for parts
    that wrappers add (`module`, `_orig_mod`), they are brought together.

    Raises:
        InputError: no such file, no whole safetensors file, or tensors of another net.
    """
    if file.is_dir():
        inside = sorted(one.name for one in file.glob("*.safetensors*"))
        raise InputError(f"weights: {file} is a folder; name the .safetensors file in it"
                         + (f": {listing(inside, 4)}" if inside else ""))
    parts = _parts(file)
    if not parts and file.suffix.lower() != ".safetensors":
        if not file.exists():
            raise InputError(f"weights: there is no file {file}")
        raise InputError(f"weights = '{file.name}': only .safetensors files are read; write one by "
                         "safetensors.torch.save_file(net.state_dict(), 'NAME.safetensors')"
                         f"{_or_convert(file)}")
    tensors = _joined(file, parts or {file: []})
    own = net.state_dict(keep_vars=True)
    chosen, notes = _matched(tensors, own)
    _check_kinds(file, chosen, own)
    try:
        found = net.load_state_dict(chosen, strict=False)
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        told = str(error).partition(":\n")[2] or str(error)
        raise InputError(f"{file} does not fit the net: {' '.join(told.split()):.300}") from error
    filled = {id(own[name]) for name in chosen if name in own}  # tied weights are stored once
    missing = [name for name in found.missing_keys if id(own.get(name)) not in filled]
    if missing or found.unexpected_keys:
        told = [f"{kind} key(s) {listing(names, 4)}" for kind, names in (
            ("Missing", missing), ("Unexpected", found.unexpected_keys)) if names]
        raise InputError(f"{file} does not fit the net: {'; '.join(told)}")
    return [f"{file.name}: {note}" for note in notes]


def _check_kinds(file: Path, chosen: Mapping[str, Tensor], own: Mapping) -> None:
    """Raises InputError where whole numbers would become a net's floats, as they are."""
    for name, tensor in chosen.items():
        mine = own.get(name)
        if (isinstance(mine, Tensor) and mine.is_floating_point()
                and not tensor.is_floating_point()):
            kinds = [str(one.dtype).removeprefix("torch.") for one in (tensor, mine)]
            why = ("half of each number would be lost" if tensor.is_complex() else
                   "quantised weights are nothing without their scales; store them as floats")
            raise InputError(f"{file}: '{name}' is {kinds[0]}, of the net {kinds[1]}: {why}")


def _read(file: Path) -> dict[str, Tensor]:
    content = read_source(file)
    try:
        return load(content)
    except SafetensorError as error:
        if by_torch_save(content[:8]):
            out = file.with_stem(f"{file.stem}-converted")
            raise InputError(f"{file} is a file of torch.save under another name: bring it to "
                             f"safetensors by {_command(file, out)}") from error
        raise InputError(f"{file} is not a whole safetensors file: {one_line(error)}"
                         + unfetched(file)) from error


def _joined(file: Path, parts: Mapping[Path, list[str]]) -> dict[str, Tensor]:
    """The tensors of all parts; raises InputError where one lacks a name that the index gives it,
    or two have the same."""
    found: dict[str, tuple[Path, Tensor]] = {}
    for part, names in parts.items():
        inside = _read(part)
        if lacking := [name for name in names if name not in inside]:
            raise InputError(f"{part} lacks {listing(lacking, 3)}, which {file.name} places in it: "
                             "do both come from the same download?")
        for name, tensor in inside.items():
            if name in found:
                raise InputError(f"'{name}' stands in both {found[name][0]} and {part.name}: parts "
                                 "of one file share no weights")
            found[name] = part, tensor
    return {name: tensor for name, (_, tensor) in found.items()}


def _parts(file: Path) -> dict[Path, list[str]]:
    """The files that an index names (`model.safetensors.index.json`), with what it says is in them,
    or whose first, say, is this one (`model-00001-of-00002.safetensors`); none of a file that is
    whole.

    Raises:
        InputError: an index that names no files beside it.
    """
    if found := re.fullmatch(r"(.+-)\d{5}(-of-(\d{5})\.safetensors)", file.name):
        return {file.with_name(f"{found[1]}{k + 1:05d}{found[2]}"): []
                for k in range(int(found[3]))}
    if not file.name.endswith(INDEX):
        return {}
    try:
        places = dict(json.loads(read_source(file))["weight_map"])
        if not places or any(Path(part).name != part for part in places.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{file} is no index of safetensors files beside it, under weight_map"
                         + unfetched(file)) from None
    return {file.with_name(part): [name for name in places if places[name] == part]
            for part in sorted(set(places.values()))}


def _or_convert(file: Path) -> str:
    return f", or {_command(file, file.with_suffix('.safetensors'))}" if (
        file.suffix.lower() in CHECKPOINTS) else ""


def _command(file: Path, out: Path) -> str:
    """What converts a file, wherever it is typed."""
    return f"`iram models --convert {quote(str(file))} {quote(str(out))}`"


def _matched(tensors: Mapping[str, Tensor], own: Mapping) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors under the net's names, and what was done for it; as they are where there is no
    one way to bring all names together."""
    wanted = {name for name in own if not name.endswith(COUNTER)}
    if wanted <= set(tensors):
        return dict(tensors), []
    ways = {}
    for told, names in _renamings(tensors, wanted):
        if len(set(names.values())) == len(names) and _covers(names, wanted, tensors, own):
            ways.setdefault(tuple(sorted(names.items())), told)
    if len(ways) != 1:
        return dict(tensors), []
    [(names, told)] = ways.items()
    left = sorted(set(tensors) - {name for name, _ in names})
    notes = [told] + ([f"left out: {listing(left, 4)}"] if left else [])
    return {new: tensors[name] for name, new in names}, notes


def _covers(names: Mapping[str, str], wanted: set[str], tensors, own) -> bool:
    """Whether renamed tensors are all that the net wants, in its shapes."""
    found = {new for new in names.values() if not new.endswith(COUNTER)}
    if not found <= wanted:
        return False
    ties = {id(own[name]) for name in found}
    lacking = [name for name in wanted - found if id(own[name]) not in ties]
    return not lacking and all(
        is_lazy(own[new]) or own[new].shape == tensors[name].shape
        for name, new in names.items() if new in own)


def _renamings(tensors, wanted: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(what is done, {name in the file: name in the net}) of every way worth trying."""
    bare = {name: unwrapped(name) for name in tensors}
    plain = {unwrapped(name): name for name in wanted}
    removed = sorted({part for name in [*tensors, *wanted] for part in name.split(".")
                      if part in WRAPPERS})
    wrapped = [f"{listing(removed)} taken out of its names"] if bare != dict(
        zip(tensors, tensors, strict=True)) or any(k != v for k, v in plain.items()) else []

    def way(told: str, names: dict[str, str]) -> tuple[str, dict[str, str]]:
        return "; ".join([*wrapped, *[told] * bool(told)]), {
            name: plain.get(new, new) for name, new in names.items()}

    yield way("", bare)
    for prefix, names in sorted(_by_prefix(bare).items()):
        yield way(f"the prefix '{prefix}' taken off its names", names)
    if sum(not new.endswith(COUNTER) for new in bare.values()) > len(wanted):
        return  # some would be left over
    for prefix in sorted(_by_prefix({name: name for name in plain})):
        yield way(f"the prefix '{prefix}' put before its names",
                  {name: prefix + new for name, new in bare.items()})


def unwrapped(name: str) -> str:
    """A name without what wrappers put into it."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _by_prefix(bare: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """{prefix: {name: what comes after it}}, of what names begin with, up to each of their dots."""
    found: dict[str, dict[str, str]] = {}
    for name, new in bare.items():
        parts = new.split(".")
        for count in range(1, min(len(parts), 4)):
            prefix = ".".join(parts[:count]) + "."
            found.setdefault(prefix, {})[name] = new[len(prefix):]
    return found
