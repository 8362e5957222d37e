"""The command `iram`: finds the subcommand, runs it, and turns mistakes into one clear line.

Each subcommand is one file in `analysis/commands/` with a docstring (its help, examples
included), `configure(parser)` and `run(args)`. Only the one that was asked for is imported, and
none imports torch before `run`, so help is instant.
"""

import argparse
import errno
import os
import sys
import warnings
from importlib import import_module

from analysis.commands import completion
from iram.errors import InputError
from iram.memory import keep_memory

COMMANDS = {
    "study": "the whole study: bench, attribute and shift in order, with the verdicts",
    "bench": "measure models under occlusion and rotation, with the controls",
    "attribute": "the model's attention beside Grad-CAM, Captum and exact Shapley, scored",
    "explain": "prediction, attention, any method and what each part carries, for photographs",
    "example": "one face before and after an occluder, with maps of both, for a figure",
    "shift": "does attention move to what is visible, is it learned, does it help? with verdicts",
    "zoo": "nets side by side, a row each: accuracy, size, speed, robustness; prototypes, streams",
    "calibrate": "how often are the verdicts of shift right? on planted nets of known truth",
    "leakage": "can the expression be told from the occluders' masks alone? it should not",
    "data": "check a data set: counts per split and class, and every problem found",
    "landmarks": "find the landmarks of a data set's faces (needs MediaPipe), measure yaw by them",
    "sheets": "contact sheets: faces at every angle, heads with every expression and object",
    "figures": "every figure and printed table of the study, from its tables alone",
    "explore": "in the browser: cover and turn a face by hand, and see attention and maps follow",
    "report": "one web page of all verdicts, figures and tables, with what made them",
    "models": "list attention modules, backbones and the shipped weights",
    "verify": "do the shipped nets answer on this machine as where they were measured?",
    "train": "train one model, or a grid of attention modules and seeds",
}
NOT_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENAMETOOLONG)  # of OSError
DESCRIPTION = "IRAM: does attention move off what is occluded, is it learned, does it help?"
EPILOG = """examples:
  iram study --preset smoke --out runs/smoke
  iram bench --data fer2013:fer2013.csv --models iram,none,cbam --out runs/occlusion
  iram attribute --data fer2013:fer2013.csv --models iram,none,cbam --out runs/attribution
  iram explain face.jpg --models iram --out face.png
  iram data fer2013:fer2013.csv
  iram COMMAND --help    options and examples of one command"""


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Returns the exit code: 0 done, 2 the user's mistake, 130 interrupted."""
    if completion.ASKED in os.environ:
        completion.complete(command_parser)
    _open_streams()
    argv = sys.argv[1:] if argv is None else argv
    try:
        return _run(argv)
    except InputError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print("\niram: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in NOT_OURS:
            raise
        return _fail(f"{error.filename or 'file system'}: {error.strerror}")


def _open_streams() -> None:
    """What can't be written in the terminal's encoding, such as a name that is no UTF-8, is shown
    escaped; a stream that was closed before we began (`>&-`) takes what is said nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - to the end of the process
        elif hasattr(stream, "reconfigure"):  # not what a test or a notebook put in its place
            stream.reconfigure(errors="backslashreplace")


def _check_given(argv: list[str]) -> None:
    """Raises InputError for an empty value, as of a shell's variable that is not set: it would pass
    for a default, or for the folder that one is in; and for a place to write that has several
    lines, which no message could name."""
    for before, given in zip(["iram", *argv], argv, strict=False):
        option, equals, value = given.partition("=")
        if not given.strip() or (option.startswith("--") and equals and not value.strip()):
            after = option if equals else before
            raise InputError(f"an empty value after {after}; write one, or leave it out")
        if "--out" in (before, option) and any(ord(sign) < ord(" ") for sign in given):
            raise InputError(f"--out {given.removeprefix('--out=')!r}: write a name of one line, "
                             "without tabs")


def _run(argv: list[str]) -> int:
    before, warnings.formatwarning = warnings.formatwarning, _plain(warnings.formatwarning)
    try:
        args = command_parser(argv).parse_args(argv)
        _check_given(argv)
        keep_memory()
        return args.run(args) or 0
    finally:
        warnings.formatwarning = before
        sys.stdout.flush()  # here, where a reader that has left is noticed and forgiven


def _plain(otherwise):
    """Formats what users are warned of in one line, without the code that it came from."""

    def plain(message, category, *place) -> str:
        if issubclass(category, UserWarning):
            return f"iram: {' '.join(str(message).split())}\n"
        return otherwise(message, category, *place)

    return plain


def command_parser(argv: list[str]) -> argparse.ArgumentParser:
    """The parser of every subcommand; only the one that these arguments begin with knows its
    options."""
    layout = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("iram", description=DESCRIPTION, epilog=EPILOG, **layout)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, **layout)
        if name in argv[:1]:
            module = import_module(f"analysis.commands.{name}")
            command.description = module.__doc__
            module.configure(command)
            command.set_defaults(run=module.run)
    return parser


def _fail(message: str) -> int:
    print(f"iram: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
