"""How a command line may go on: what a shell asks where `register-python-argcomplete` set it up."""

import argparse
import os
from collections.abc import Callable
from importlib.resources import files

ASKED = "_ARGCOMPLETE"  # in the environment: the shell asks, and nothing is to be run


def complete(parser_of: Callable[[list[str]], argparse.ArgumentParser]) -> None:
    """Tells the shell what can follow, and ends the process: with 1, on which shells complete
    names of files, where argcomplete is not installed.

    Args:
        parser_of: the arguments so far -> their parser.
    """
    try:
        import argcomplete
    except ImportError:
        raise SystemExit(1) from None
    words = os.environ.get("COMP_LINE", "").split()
    argcomplete.autocomplete(parser_of(words[1:]), always_complete_options="long")


def models(prefix: str, **asked) -> list[str]:
    """Lists of models, by commas, that go on from the typed one: shipped names, and files."""
    from argcomplete.completers import FilesCompleter

    before, comma, last = prefix.rpartition(",")
    names = sorted(file.name.removesuffix(".safetensors") for file in
                   files("iram").joinpath("pretrained").iterdir()
                   if file.name.endswith(".safetensors"))
    found = [name for name in names if name.startswith(last)] or FilesCompleter()(last)
    return [f"{before}{comma}{one}" for one in found]
