"""A small folder of results: every table that a figure is made of, of drawn numbers."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.engine.example import FACTS, Example, write_example
from analysis.engine.store import write_table

MODELS = ("iram-seed0", "none-seed0")
NUMBERS = np.random.default_rng(0)


def numbers(table: pd.DataFrame, *prefixes: str, scale: float = 0.3) -> pd.DataFrame:
    """The table with a drawn number, its low and its high for each prefix ("" is value)."""
    for prefix in prefixes:
        value = NUMBERS.uniform(0.1, 1, len(table)) * scale
        names = (prefix or "value", f"{prefix}_low".strip("_"), f"{prefix}_high".strip("_"))
        for name, shift in zip(names, (0, -0.1, 0.1), strict=True):
            table[name] = value + shift * scale
    return table


def crossed(**values) -> pd.DataFrame:
    """Every combination."""
    return pd.DataFrame(list(product(*values.values())), columns=list(values))


def summary() -> pd.DataFrame:
    covered = crossed(model=MODELS, metric=["accuracy"], occluder=["eyes", "mouth", "box"],
                      fill=["mean", "noise"], fraction=[0.5, 0.1])
    covered["condition"] = [f"{r.occluder}-{r.fraction}-{r.fill}" for r in covered.itertuples()]
    turned = crossed(model=MODELS, metric=["accuracy"], axis=["yaw", "pitch"], angle=[-30, 0, 30])
    turned = turned[(turned["axis"] == "yaw") | (turned["angle"] != 0)].copy()
    turned["condition"] = turned["axis"] + turned["angle"].map("{:+d}".format)
    for axis in ("yaw", "pitch"):
        turned[f"{axis}_deg"] = turned["angle"].where(turned["axis"] == axis, 0)
    clean = crossed(model=MODELS, metric=["accuracy"], condition=["clean"])
    table = pd.concat([clean, covered, turned.drop(columns=["axis", "angle"])], ignore_index=True)
    table = table.fillna({"occluder": "none", "fill": "none", "fraction": 0.0, "yaw_deg": 0,
                          "pitch_deg": 0})
    table["self_occlusion_fraction"] = table["yaw_deg"].abs() / 100
    return numbers(table, "")


def methods_table(**more) -> pd.DataFrame:
    return numbers(crossed(model=MODELS, method=["attention", "gradcam", "random"], **more), "",
                   "beyond", scale=0.9).assign(chance=0.1)


def agreement() -> pd.DataFrame:
    pairs = pd.DataFrame([("attention", "gradcam"), ("attention", "random"), ("gradcam", "random")],
                         columns=["method", "other"])
    table = pairs.merge(crossed(model=MODELS, metric=["spearman"], resolution=["common"]), "cross")
    return numbers(table, "", "beyond", scale=0.9)


def strata() -> pd.DataFrame:
    rows = [("H1", "flat", -1), ("H1", "noise", -1), ("H1", "all", -1), ("H2a", "noise", -1),
            ("H2a", "all", -1), ("H2c", "all", -1), ("H3", "all", 1)]
    table = pd.DataFrame(rows, columns=["hypothesis", "fill_class", "direction"])
    stages = table[table["fill_class"] != "all"].merge(crossed(stage=["early", "late"]), "cross")
    table = pd.concat([table.assign(stage="all"), stages], ignore_index=True)
    table = table.merge(pd.DataFrame({"model": ["iram", "cbam"]}), "cross")
    table = numbers(table.assign(unit="logits", margin=0.05), "effect")
    table = table.rename(columns={"effect_low": "low", "effect_high": "high"})
    table["verdict"] = np.where(table["model"] == "iram", "supported", "refuted")
    untested = table["hypothesis"] == "H2c"
    table.loc[untested, ["effect", "low", "high"]] = np.nan
    return table.assign(seeds=3.0, verdict=table["verdict"].mask(untested, "not tested"))


VERDICTS = {  # hypothesis -> of iram, of cbam
    "H1": ("supported", "refuted"), "H2a": ("supported", "supported"),
    "H2c": ("supported", "not tested"), "H3": ("undecided", "refuted"),
}


def verdicts() -> pd.DataFrame:
    rows = [(model, key, verdict) for key, both in VERDICTS.items()
            for model, verdict in zip(("iram", "cbam"), both, strict=True)]
    table = pd.DataFrame(rows, columns=["model", "hypothesis", "verdict"])
    table = numbers(table.assign(unit="logits", margin=0.05), "effect")
    table = table.rename(columns={"effect_low": "low", "effect_high": "high"})
    return table.assign(n=500.0, seeds=3.0, interval_over="images and training seeds",
                        holds_under=np.where(table["verdict"] == "supported", "noise", ""))


def by_fill() -> pd.DataFrame:
    kinds = pd.DataFrame([("iram", "attention"), ("iram-permuted-weights", "permuted-weights"),
                          ("none", "twin"), ("iram-erasing-noise", "exposure"),
                          ("cbam", "attention")], columns=["model", "row"])
    fills = pd.DataFrame([("noise", "covers"), ("mean", "covers"), ("noise", "beside")],
                         columns=["fill", "patch"])
    table = kinds.merge(fills, "cross").merge(crossed(layer=["0", "1", "all"]), "cross")
    table["exposure"] = np.where(table["row"] == "exposure", "noise", "none")
    return numbers(table.assign(occluder="all", seeds=1), "")


def away() -> dict[str, pd.DataFrame]:
    """Nets taught to look away by three weights, and their reference."""
    nets = ["none-away-consistency", "iram-away-falls-0", "iram-away", "iram-away-falls-16"]
    lost = compared(crossed(label=nets, kind=["all"], metric=["lost"]), "label")
    lost = lost.assign(reference=nets[0], seeds="0 1")
    moved = crossed(model=nets[1:], fill=["mean", "noise", "texture", "object"], row=["attention"],
                    patch=["covers"], layer=["all"], occluder=["all"], exposure=["none"])
    return {"away/shift/by_fill.csv": numbers(moved.assign(seeds=2), ""),
            "away/trained/modules.csv": lost, "away/held_out/modules.csv": lost.copy()}


def interventions() -> pd.DataFrame:
    table = crossed(model=["iram-seed0", "iram-seed1"], condition=["eyes-0.3-noise", "hand"],
                    layer=["all", "0"], outcome=["margin", "accuracy"],
                    intervention=["clean", "change_elsewhere", "uniform", "other_image", "inverted"]
                    )
    table["occluder"] = table["condition"].str.partition("-")[0]
    hand = table["occluder"] == "hand"
    table["fill"] = np.where(hand, "object", "noise")
    table["fraction"] = np.where(hand, np.nan, 0.3)
    return numbers(table.assign(effect="indirect", row="attention"), "")


def authority() -> pd.DataFrame:
    kinds = pd.DataFrame([("iram", "attention", 3), ("se", "channels-alone", 1)],
                         columns=["model", "row", "seeds"])
    lost = crossed(fill=["none", "noise", "all"], layer=["all", "0", "1"],
                   intervention=["uniform", "uniform_channels", "shuffled", "other_image",
                                 "constant"], outcome=["accuracy", "margin"])
    varied = crossed(fill=["none", "noise"], layer=["all", "0", "1"], intervention=["none"],
                     outcome=["gate", "effective"])
    table = kinds.merge(pd.concat([lost, varied]), "cross")
    occluded = (table["row"] == "channels-alone") & (table["fill"] != "none")
    return numbers(table[~occluded].assign(exposure="none"), "", scale=0.1)


def multiverse() -> pd.DataFrame:
    table = crossed(model=["iram", "cbam"], measure=["effective_change", "channels_leave"],
                    versus=["nothing", "sham"], fill_class=["noise", "all"],
                    stage=["early", "all"])
    table = numbers(table.assign(row="attention", exposure="none", seeds=2, margin=0.05), "")
    table["direction"] = np.where(table["measure"] == "channels_leave", 1, -1)
    return table.assign(says=np.resize(["leaves", "does not leave", "undecided"], len(table)))


def mediation() -> pd.DataFrame:
    kinds = pd.DataFrame([("iram", "attention", "none"), ("none", "twin", "none"),
                          ("iram-permuted-weights", "permuted-weights", "none"),
                          ("iram-erasing-noise", "exposure", "noise")],
                         columns=["model", "row", "exposure"])
    table = kinds.merge(crossed(fill=["noise", "texture", "all"], outcome=["margin", "accuracy"],
                                effect=["total", "indirect", "unmatched", "elsewhere"]), "cross")
    lacks = (table["row"] == "twin") | (table["fill"] == "texture")
    return numbers(table[(table["effect"] == "total") | ~lacks].assign(seeds=1), "")


def real_synthetic() -> pd.DataFrame:
    table = crossed(model=MODELS, labels=["own"], type=["upper", "glasses"], occluder=["hand"],
                    fraction=[0.1, 0.3])
    table = numbers(table.assign(n=70, occlusion_fraction=table["fraction"]), "synthetic", "real")
    return table.rename(columns={"synthetic": "synthetic_drop", "real": "real_drop"})


def ledger() -> pd.DataFrame:
    rows = [("none-seed0", "none", "epochs=3", ""), ("iram-seed0", "iram", "epochs=3", ""),
            ("iram-seed1", "iram", "epochs=3", ""),
            ("iram-erasing-noise-seed0", "iram-erasing-noise", "epochs=3 erasing=0.5", ""),
            ("iram-reuse-none-seed0", "iram-reuse-none", "epochs=3", "reuse=none")]
    table = pd.DataFrame(rows, columns=["name", "label", "recipe", "switches"])
    return table.assign(status="done", data="x", selected_epoch=2, validation_low=0.55,
                        validation_high=0.75)


def accuracy(kinds: dict[str, str]) -> pd.DataFrame:
    table = pd.DataFrame({"label": list(kinds), "kind": list(kinds.values())})
    table = numbers(table.assign(reference="none", paired_seeds="0 1", seeds="0 1"), "accuracy",
                    "difference")
    table = table.rename(columns={"accuracy_low": "low", "accuracy_high": "high"})
    reference = table["label"].isin(["none", "published"])
    table.loc[reference, ["difference", "difference_low", "difference_high"]] = np.nan
    return table.assign(p_holm=np.where(table["label"] == "iram", 0.01, 0.4), parameters=1000)


def compared(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with values and their differences from the reference, which itself has none."""
    table = numbers(numbers(table, ""), "difference").assign(p_holm=0.5)
    table.loc[table[name].str.startswith("none"), "difference"] = np.nan
    return table


def zoo() -> pd.DataFrame:
    table = pd.DataFrame({"label": ["none", "zoo-vgg", "zoo-regional-none", "mine"]})
    for measure in ("accuracy", "accuracy_without_copies", "lost", "lost_difference", "lost_turned",
                    "drop_really_occluded", "drop_really_turned", "shapley_rank",
                    "attention_and_gradcam"):
        table = numbers(table, measure)
    table.loc[0, ["lost_difference", "lost_difference_low", "lost_difference_high"]] = np.nan
    return table.assign(seeds="0", reference=[None, *["none"] * 3],
                        trained=["here"] * 3 + ["elsewhere"],
                        work="after someone", published="", parameters=1000, best_method="gradcam",
                        passes_per_second=900.0, lost_p_holm=[np.nan, 0.01, 0.5, 0.01])


def prototypes() -> pd.DataFrame:
    table = crossed(model=["zoo-bidirectional-seed0"], drawn_by=["mean of the faces", "member 1"],
                    expression=["happy", "sad"])
    pixels = [" ".join(map(str, NUMBERS.integers(0, 255, 16))) for _ in range(len(table))]
    return table.assign(dataset="heads", seed=0, pixels=pixels)


def streams() -> pd.DataFrame:
    carried = crossed(expression=["happy", "sad", "all"], occluder=["none"]).assign(
        metric="carried")
    change = crossed(expression=["all"], occluder=["eyes", "mouth"]).assign(metric="change")
    table = pd.concat([carried, change]).merge(crossed(stream=["face 48", "eyes"]), "cross")
    return numbers(table.assign(model="zoo-crops-seed0", n=20), "")


def example() -> Example:
    maps = {name: NUMBERS.normal(size=(2, 12, 12)).astype(np.float32)
            for name in ("attention", "gradcam")}
    mask = np.zeros((12, 12), bool)
    mask[6:, 3:9] = True
    facts = dict(zip(FACTS, ("iram-seed0", "heads", "head0", "happy", "hand-natural-object", "hand",
                             "object", None, "happy", ["happy", "sad"], [0.9, 0.2], ["gradcam"]),
                     strict=True))
    pictures = NUMBERS.integers(0, 255, (2, 12, 12)).astype(np.uint8)
    return Example(pictures, mask, maps, facts)


def tables() -> dict[str, pd.DataFrame]:
    places = crossed(model=MODELS, occluder=["mouth", "eyes"], metric=["drop", "drop_beyond_box"])
    expressions = crossed(model=MODELS, expression=["happy", "sad", "all"],
                          occluder=["mouth", "eyes"], metric=["drop_beyond_box"])
    modules = compared(crossed(label=["none", "iram"], kind=["all", "eyes"],
                               metric=["lost", "drop"]).assign(reference="none"), "label")
    ratios = crossed(model=MODELS, reference=["none-seed0"], kind=["all"],
                     metric=["mrr", "relative_mrr"])
    robust = compared(crossed(model=MODELS, reference=["none-seed0"], kind=["all", "eyes"],
                              metric=["lost"]), "model")
    robust = pd.concat([numbers(ratios, "", scale=100), robust], ignore_index=True)
    real = crossed(model=MODELS, labels=["own"], group=["occluded", "upper"], metric=["accuracy"])
    yaw = numbers(pd.DataFrame({"requested_yaw_deg": [-30, 0, 30]}), "measured_yaw_deg")
    yaw = yaw.rename(columns={"measured_yaw_deg_low": "low", "measured_yaw_deg_high": "high"})
    shifts = crossed(model=MODELS, faces=["not turned", "all"], type=["upper", "lower"])
    curves = crossed(fill=["imputed", "mean"], order=["morf", "lerf"], share=[0.0, 0.5, 1.0])
    logs = crossed(name=ledger()["name"], epoch=[1, 2, 3])
    return {
        "occlusion/summary.csv": summary(), "occlusion/occluders.csv": numbers(places, ""),
        "occlusion/modules.csv": modules.assign(seeds="0 1"),
        "erasing/modules.csv": modules.assign(seeds="0"),
        **away(),
        "occlusion/importance.csv": numbers(expressions.assign(n=30), ""),
        "occlusion/robustness.csv": robust, "heads/robustness.csv": robust.copy(),
        "occlusion/real_synthetic.csv": real_synthetic(),
        "occlusion/real.csv": numbers(real.assign(n=40), ""),
        "heads/summary.csv": summary(), "heads/occluders.csv": numbers(places.copy(), ""),
        "pose/summary.csv": summary(), "pose/own_surfaces/summary.csv": summary(),
        "pose/measured_yaw_fer2013.csv": yaw.assign(dataset="fer2013"),
        "pose/measured_yaw_heads.csv": yaw.assign(dataset="heads"),
        "attribution/agreement.csv": agreement(),
        "attribution/faithfulness.csv": faithfulness(),
        "attribution/modules.csv": attribution_modules(),
        "attribution/curves.csv": curves.merge(methods_table(), "cross"),
        "attribution/ranking.csv": methods_table(metric=["shapley_rank"]),
        "attribution/interactions.csv": interactions(),
        "shift/strata.csv": strata(), "shift/verdicts.csv": verdicts(),
        "shift/by_fill.csv": by_fill(), "shift/interventions.csv": interventions(),
        "shift/mediation.csv": mediation(), "shift/authority.csv": authority(),
        "shift/multiverse.csv": multiverse(),
        "shift/real.csv": numbers(shifts.assign(region="eyes-0.3", n=9), "real", "synthetic"),
        "calibration/rates.csv": verdict_rates(),
        "training/curves.csv": logs.assign(validation_accuracy=0.5 + 0.1 * logs["epoch"]),
        "training/ledger.csv": ledger(),
        "training/accuracy.csv": accuracy({"none": "module", "iram": "module",
                                           "published": "published"}),
        "training/ablation.csv": accuracy({"none": "whole", "iram-reuse-none": "ablation"}),
        "training/copies.csv": copies(),
        "attribution/sanity.csv": sanity(),
        "zoo/zoo.csv": zoo(), "zoo/prototypes.csv": prototypes(), "zoo/streams.csv": streams(),
        "zoo/occlusion/modules.csv": modules.assign(seeds="0"),
    }


def faithfulness() -> pd.DataFrame:
    return pd.concat([methods_table(metric=["shapley_rank"], fill=["mean"]),
                      methods_table(metric=["order_gap_logit"], fill=["mean", "imputed"])])


def attribution_modules() -> pd.DataFrame:
    tables = [faithfulness().assign(family="faithfulness"), sanity().assign(family="sanity")]
    table = pd.concat(tables, ignore_index=True)
    table["label"] = table.pop("model").str.removesuffix("-seed0")
    return table.assign(seeds="0 1")


def sanity() -> pd.DataFrame:
    weights = methods_table(test=["weights"], layer=["classifier", "backbone.stem"],
                            metric=["spearman", "ssim"])
    smooth = methods_table(test=["weights"], layer=["all"], metric=["smooth_mprt"])
    near = methods_table(test=["noise"], layer=["none"], metric=["relative_input_stability"])
    return pd.concat([weights.assign(better="lower"), smooth.assign(better="lower"),
                      near.assign(better="lower")], ignore_index=True)


def verdict_rates() -> pd.DataFrame:
    table = crossed(net=["avoids", "fixed"], hypothesis=["H1", "H3"], seeds=[3, 5],
                    verdict=["supported", "refuted", "undecided", "not tested"])
    table["title"] = table["net"].map({"avoids": "avoids every fill", "fixed": "stays"})
    table["should"] = table["net"].map({"avoids": "supported", "fixed": "refuted"})
    table["share"] = table["verdict"].map(
        {"supported": 0.6, "refuted": 0.3, "undecided": 0.1, "not tested": 0})
    return table.assign(fill_class="all", low=table["share"] * 0.9, high=table["share"] * 1.1)


def interactions() -> pd.DataFrame:
    table = crossed(model=MODELS, expression=["happy", "all"], metric=["together", "covered"],
                    region=["eyes", "mouth"], other=["eyes", "mouth"])
    table = table[table["region"] < table["other"]]
    return numbers(table.reset_index(drop=True).assign(n=12), "")


def copies() -> pd.DataFrame:
    table = crossed(label=["none", "iram"], switches=[""],
                    faces=["exact copies", "near copies", "others"])
    table = numbers(table.assign(images=20), "", "difference").rename(columns={"value": "accuracy"})
    ends = ["difference", "difference_low", "difference_high"]
    table.loc[table["faces"] == "others", ends] = np.nan
    return table


def write(folder: Path) -> dict[str, pd.DataFrame]:
    """Writes all of them; returns the tables by name."""
    found = tables()
    for name, table in found.items():
        write_table(folder / name, table)
    write_example(folder / "example" / "example.npz", example())
    return found
