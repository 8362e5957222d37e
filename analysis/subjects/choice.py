"""Which backend a run's passes are made by: the one that is asked for, or the fastest here."""

import time
from collections.abc import Sequence
from pathlib import Path

from analysis.engine.store import backend_begun_with
from analysis.engine.timing import fastest
from analysis.subjects.answers import pictures
from analysis.subjects.backends import BACKENDS, SIZE, lacking
from analysis.subjects.subject import Subject, changed
from iram.errors import InputError
from iram.threads import one_thread

ASKED = ("auto", *BACKENDS)
WORTH = 15.0  # seconds of eager passes; below, nothing else is tried
COST = {"folded": 0.5, "onnxruntime": 5.0, "compile": 40.0}  # seconds that its making takes
SAVED = 0.25  # of the eager passes: what a backend is hoped to save at least
GAIN = 0.95  # of eager's time: slower ones are not worth other digits
_CHOSEN: dict[tuple, str] = {}  # measured once a process


def choose(
    subjects: Sequence[Subject], asked: str, begun: str | None, shown: int,
    offered: Sequence[str] = BACKENDS,
) -> tuple[list[Subject], str]:
    """The models, each with its passes made, and the backend of the run.

    A model that can't have the backend gets the next best one, which is told in a line.

    Args:
        asked: one of ASKED.
        begun: the backend of the run that is gone on with, None of a new one.
        shown: pictures that each model will be shown, about.
        offered: backends that the run can have.

    Raises:
        InputError: a backend that was asked for by name and can't be had, or is not that of the run
            that is gone on with.
    """
    named = asked != "auto"
    if named and begun not in (None, asked):
        raise InputError(f"--backend {asked}: the run in --out was begun by {begun}, and rows of "
                         "two backends are not mixed; choose another --out")
    backend = asked if named else begun or _fastest(subjects[0], shown, offered)
    if why := lacking(backend):
        raise InputError(f"--backend {backend}: {why}")
    return [_by(subject, backend, named) for subject in subjects], backend


def by_backend(
    subjects: Sequence[Subject], asked: str, out: Path, shown: int,
    offered: Sequence[str] = BACKENDS,
) -> tuple[list[Subject], dict[str, str]]:
    """The models of a run in a folder by their backend, and what of it its identity tells: nothing
    of eager passes, as before there were others.

    Args:
        offered: backends that the run can have; see `choose` for the others.
    """
    if asked not in ("auto", *offered):
        raise InputError(f"--backend {asked}: attention is read and replaced; write one of "
                         + ", ".join(("auto", *offered)))
    chosen, backend = choose(subjects, asked, backend_begun_with(out), shown, offered)
    return chosen, {} if backend == "eager" else {"backend": backend}


def _by(subject: Subject, backend: str, named: bool) -> Subject:
    """With its passes made; by the next best backend where it can't have this one."""
    for one in () if backend == "eager" else dict.fromkeys((backend, "folded")):
        other = changed(subject, backend=one)
        try:
            other.passes  # noqa: B018
            return other
        except InputError as error:
            if named:
                raise InputError(f"--backend {one}: {subject.name}: {error}") from None
            print(f"backend: {subject.name} not by {one}: {error}", flush=True)
    return subject


def _fastest(subject: Subject, shown: int, offered: Sequence[str]) -> str:
    """By a short measurement on the first model, where the run is long enough for it to matter."""
    key = subject.weights_sha256, subject.device, subject.bf16, shown, tuple(offered)
    if key not in _CHOSEN:
        with one_thread():
            _CHOSEN[key] = _measured(subject, shown, offered)
    return _CHOSEN[key]


def _measured(subject: Subject, shown: int, offered: Sequence[str]) -> str:
    if shown * _seconds(subject, few=4) < WORTH:
        return "eager"
    eager = shown * _seconds(subject, SIZE)
    times = {"eager": GAIN * eager}
    for backend in filter(offered.__contains__, _fitting(subject)):
        if COST[backend] > SAVED * eager:
            continue
        try:
            own = changed(subject, backend=backend)
            times[backend] = shown * _seconds(own, SIZE) + COST[backend]
        except InputError as error:
            print(f"backend: not {backend}: {error}", flush=True)
    best = min(times, key=times.__getitem__)
    if best != "eager":
        share = (times[best] - COST[best]) / eager
        print(f"backend: {best} (its passes take {share:.2f} of eager's time here, measured)",
              flush=True)
    return best


def _seconds(subject: Subject, few: int) -> float:
    """A picture; on the CPU of its own time, which doesn't depend on what else runs."""
    seen, clock = pictures(few), time.process_time if subject.device == "cpu" else time.perf_counter
    subject.model  # noqa: B018 (read outside of inference, or no gradient can pass later)
    return fastest(lambda: subject.logits(seen), clock=clock) / few


def _fitting(subject: Subject) -> list[str]:
    """Backends that could be for it, those that are soonest made first."""
    offered = ["folded"]
    if subject.device == "cpu":
        offered += ["compile"] if subject.bf16 else ["onnxruntime", "compile"]
    return offered
