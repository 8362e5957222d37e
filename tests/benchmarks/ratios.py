"""Pairs timed in turns, and the lines of a table of them."""

import statistics
import time

TURNS = 5
COLUMNS = ["measure", "what", "of", "unit", "min", "median", "max", "goal", "met"]


def row(what: str, of: str, ratios: list[float], goal: float | None, unit: str = "ratio") -> dict:
    """A line of the table; `goal` is at most that."""
    middle = statistics.median(ratios)
    met = "" if goal is None else "yes" if middle <= goal else "no"
    return {"what": what, "of": of, "unit": unit, "min": min(ratios), "median": middle,
            "max": max(ratios), "goal": goal, "met": met}


def line(one: dict) -> str:
    goal = "" if one["goal"] is None else f"at most {one['goal']:g}: {one['met']}"
    values = "  ".join(f"{one[name]:9.3f}" for name in ("min", "median", "max"))
    return f"{one['what']:44s}{one['of']:28s}{values}  {one['unit']:6s}{goal}"


def seconds(work, clock=time.process_time) -> float:
    started = clock()
    work()
    return clock() - started


def paired(fast, slow, turns: int = TURNS) -> list[float]:
    """fast / slow, each turn by turn, after one that also allocates."""
    fast(), slow()
    return [seconds(fast) / seconds(slow) for _ in range(turns)]
