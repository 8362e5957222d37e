"""The benchmark on tiny models and faces, for the tests of what it does and of what it writes."""

import tiny

from analysis.stimuli.conditions import select
from analysis.studies.occlusion.run import benchmark
from analysis.subjects import open_subjects
from iram.architecture import FER2013_CLASSES

QUICK = select("smoke")
NAMES = ("iram", "none")


def opened(folder):
    """The nets whose weights lie in the folder, read anew."""
    names = ",".join(str(folder / f"{name}-seed0.safetensors") for name in NAMES)
    return open_subjects(names, FER2013_CLASSES)


def run(subjects, out, conditions=QUICK, **options):
    options = {"batch_size": 16, "progress": False, **options}
    return benchmark(subjects, options.pop("dataset", tiny.dataset()), conditions, out, **options)


def contents(out):
    return {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*"))
            if path.is_file()}
