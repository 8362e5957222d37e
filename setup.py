"""What is built is one package: `analysis` becomes `iram.analysis`, since many have an `analysis`
of their own. In a clone and an editable installation the folders stay as they are.

All else that a build needs to know stands in pyproject.toml.
"""

import io
import re
import shutil
import tokenize
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

TEXT = re.compile(r"(?<![\w./])analysis(?=\.[A-Za-z])|(?<=from )analysis(?= import )")
TEXTS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}  # from 3.12 on


class BuildOnePackage(build_py):
    """Moves `analysis` into `iram`, in the folder that the wheel is made of."""

    def run(self):
        built = Path(self.build_lib)
        if not self.editable_mode:
            for name in ("iram", "analysis"):  # files of an earlier build would stay in it
                shutil.rmtree(built / name, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            (built / "analysis").rename(built / "iram" / "analysis")
            for file in sorted((built / "iram").rglob("*.py")):
                file.write_text(renamed(file.read_text("utf-8")), "utf-8")


class NameOnePackage(egg_info):
    """Says so in the wheel's metadata."""

    def run(self):
        super().run()
        Path(self.egg_info, "top_level.txt").write_text("iram\n", "utf-8")


def renamed(source: str) -> str:
    """A module's source in which `analysis` is called `iram.analysis`: where it is imported, and in
    strings and docstrings that name its modules. Code and comments stay, and so do line numbers.

    Raises:
        ValueError: it is imported under its own name alone, as in `import analysis`, so that code
            would have to be renamed too.
    """
    starts = [0]  # of each line
    for line in io.StringIO(source):
        starts.append(starts[-1] + len(line))
    before, edits = tokenize.NEWLINE, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
        if token.type in TEXTS:
            edits.append((start, end, TEXT.sub("iram.analysis", source[start:end])))
        elif token.string == "analysis" and before == "import":
            raise ValueError(f"line {token.start[0]}: write `from analysis...`: {token.line!r}")
        elif token.string == "analysis" and before == "from":
            edits.append((start, end, "iram.analysis"))
        before = token.string
    for start, end, text in reversed(edits):
        source = source[:start] + text + source[end:]
    return source


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildOnePackage, "egg_info": NameOnePackage})
