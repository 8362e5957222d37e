"""How often each verdict came out, beside what is true and the bounds that were set."""

from collections.abc import Iterator

import pandas as pd
from scipy.stats import binomtest

from analysis.studies.calibration.plan import Calibration
from analysis.studies.calibration.planted import PLANTED, should
from analysis.subjects.hypotheses import FAMILIES, WHOLE

VERDICTS = ("supported", "refuted", "undecided", "not tested")
FALSE_ALARMS, FOUND, MISSED = 0.05, 0.80, 0.05  # the bounds
ANY = "any but H1"  # whether any of the second family of hypotheses is supported
RATES = ["net", "title", "null", "hypothesis", "fill_class", "seeds", "faces", "should", "verdict",
         "share", "low", "high", "studies"]
BOUNDS = ["net", "title", "null", "hypothesis", "fill_class", "seeds", "should", "bound", "limit",
          "share", "low", "high", "studies", "met"]


def rates_table(plan: Calibration) -> pd.DataFrame:
    """A row per planted net, hypothesis, class of fill ("all": the whole), number of training seeds
    and verdict: the share of the studies in which it came out, with the exact 95% interval (Clopper
    & Pearson, Biometrika 26, 1934), and what the verdict should be.

    Of a null also the hypothesis "any but H1": "supported" where any of these is, else "refuted".
    """
    rows = [row for kind in plan.design.nets for seeds in plan.design.seeds
            for row in _of(plan, kind, seeds)]
    return pd.DataFrame(rows, columns=RATES)


def _of(plan: Calibration, kind: str, seeds: int) -> Iterator[dict]:
    about = PLANTED.about(kind)
    null = about.null
    studies = pd.concat([cell.read() for cell in plan.drawn(kind, seeds)], ignore_index=True)
    if null:
        studies = pd.concat([studies, _any(studies)], ignore_index=True)
    for (key, fill), own in studies.groupby(["hypothesis", "fill_class"], sort=False):
        counts = own["verdict"].value_counts()
        for verdict in VERDICTS:
            yield {"net": kind, "title": about.title, "null": null, "hypothesis": key,
                   "fill_class": fill, "seeds": seeds, "faces": plan.design.faces,
                   "should": should(kind, key, fill),
                   "verdict": verdict, **_share(int(counts.get(verdict, 0)), len(own))}


def _any(studies: pd.DataFrame) -> pd.DataFrame:
    others = studies[studies["hypothesis"].isin(FAMILIES[1]) & (studies["fill_class"] == WHOLE)]
    found = (others["verdict"] == "supported").groupby(others["study"]).any().reset_index()
    found["verdict"] = found["verdict"].map({True: "supported", False: "refuted"})
    return found.assign(hypothesis=ANY, fill_class=WHOLE)


def _share(count: int, of: int) -> dict:
    interval = binomtest(count, of).proportion_ci(method="exact")
    return {"share": count / of, "low": interval.low, "high": interval.high, "studies": of}


def bounds_table(rates: pd.DataFrame) -> pd.DataFrame:
    """A row per bound: of what is not true "supported" comes out in at most 5% of the studies; what
    is true is supported in at least 80% and refuted in at most 5%. Whether it is met: "yes" or "no"
    if the interval lies on one side of the bound, else "open".

    Hypotheses that no study could test have none.
    """
    untested = rates[(rates["verdict"] == "not tested") & (rates["share"] == 1)]
    keys = ["net", "hypothesis", "fill_class", "seeds"]
    tested = rates.merge(untested[keys], on=keys, how="left", indicator=True)
    rows = [{**row._asdict(), "bound": told, "limit": limit, "met": _met(row, most, limit)}
            for row in tested[tested["_merge"] == "left_only"].drop(columns="_merge").itertuples()
            for told, most, limit in _bounds(row)]
    return pd.DataFrame(rows, columns=BOUNDS)


def _bounds(row) -> Iterator[tuple[str, bool, float]]:
    """(in words, whether it is the most allowed, the limit) of a verdict's share."""
    if row.should == "refuted" and row.verdict == "supported":
        yield f"supported, which is false: at most {FALSE_ALARMS:.0%}", True, FALSE_ALARMS
    if row.should == "supported" and row.verdict == "supported":
        yield f"supported, which is true: at least {FOUND:.0%}", False, FOUND
    if row.should == "supported" and row.verdict == "refuted":
        yield f"refuted, which is false: at most {MISSED:.0%}", True, MISSED


def _met(row, most: bool, limit: float) -> str:
    inside, outside = (row.high <= limit, row.low > limit)
    if not most:
        inside, outside = row.low >= limit, row.high < limit
    return "yes" if inside else "no" if outside else "open"


def lines(rates: pd.DataFrame, bounds: pd.DataFrame) -> Iterator[str]:
    """The verdicts on the whole, and the bounds that are missed."""
    whole = rates[rates["fill_class"] == WHOLE]
    for seeds, own in whole.groupby("seeds"):
        yield f"\n{seeds} training seeds a study: share of studies with each verdict (%)"
        yield f"  {'planted net':38s}{'':12s}{'should be':11s}" + "".join(
            f"{verdict:>12s}" for verdict in VERDICTS)
        for (net, key), rows in own.groupby(["title", "hypothesis"], sort=False):
            shares = rows.set_index("verdict")["share"]
            if shares["not tested"] < 1:
                yield (f"  {net:38s}{key:12s}{rows['should'].iloc[0]:11s}"
                       + "".join(f"{100 * shares[verdict]:12.1f}" for verdict in VERDICTS))
    yield ""
    yield from bound_lines(bounds)


def bound_lines(bounds: pd.DataFrame) -> Iterator[str]:
    """How many bounds are met, and which are missed."""
    counts = bounds["met"].value_counts()
    yield (f"bounds: {counts.get('yes', 0)} of {len(bounds)} met, {counts.get('no', 0)} missed, "
           f"{counts.get('open', 0)} open (the interval holds the bound)")
    missed = bounds[bounds["met"] == "no"]
    for key, own in missed.groupby(["title", "hypothesis", "seeds", "bound"], sort=False):
        fills, least, most = ", ".join(own["fill_class"]), own["share"].min(), own["share"].max()
        yield (f"  missed: {key[0]}, {key[1]}, {key[2]} seeds: {key[3]}; {least:.1%} to "
               f"{most:.1%} ({fills})")
