"""Figures draw what the tables say: read back from what is on the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import small_results
from matplotlib.figure import Figure

from analysis.figures import (
    AgreementMatrix,
    ExamplePanel,
    FaithfulnessCurves,
    FaithfulnessForest,
    FillForest,
    InterventionForest,
    MeasuredYaw,
    Mediation,
    OccluderForest,
    OcclusionCurves,
    PoseCurves,
    RealShiftForest,
    SanityForest,
    StageForest,
    VerdictForest,
    VerdictRates,
    save,
)
from analysis.figures.away import WEIGHTS, AwayCurve
from analysis.figures.display import legend_columns, shared_panels
from analysis.figures.names import EFFECTS
from iram.errors import InputError
from iram.training.grids import GRIDS


@pytest.fixture(scope="module")
def tables():
    return small_results.tables()


def labelled(ax) -> dict[str, tuple[list, list]]:
    """label -> x and y of each line of an axis that has a label."""
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
            for line in ax.get_lines() if not line.get_label().startswith("_")}


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def bars(ax) -> set[tuple[float, float]]:
    """The ends of all horizontal bars."""
    return {tuple(end[:, 0].round(6)) for lines in ax.collections
            if hasattr(lines, "get_segments") for end in lines.get_segments()}


def band(ax, place: int = 0) -> np.ndarray:
    """Lowest and highest y of a band at each of its x."""
    points = ax.collections[place].get_paths()[0].vertices
    return np.array([[points[points[:, 0] == x, 1].min(), points[points[:, 0] == x, 1].max()]
                     for x in np.unique(points[:, 0])])


def test_curves_have_a_panel_per_occluder_and_a_line_and_band_per_model_in_percent(tables):
    table = tables["occlusion/summary.csv"]
    display = OcclusionCurves(table, "mean").plot()
    assert [ax.get_title() for ax in display.axes_] == ["random box", "eyes", "mouth"]
    wanted = table["condition"].isin(["clean", "eyes-0.1-mean", "eyes-0.5-mean"])
    own = table[wanted & (table["model"] == "none-seed0")].sort_values("fraction")
    x, y = labelled(display.axes_[1])["no attention"]
    assert x == [0, 10, 50]
    assert y == pytest.approx((100 * own["value"]).tolist())
    assert band(display.axes_[1], 1) == pytest.approx(100 * own[["low", "high"]].to_numpy())
    assert display.figure_.get_supxlabel() == "occluded share of the face area (%)"
    assert OcclusionCurves(table, occluders=("mouth",)).plot().ax_.get_title() == "mouth"
    with pytest.raises(InputError, match="no occluder with the fill 'blur'"):
        OcclusionCurves(table, "blur").plot()


@pytest.mark.parametrize(
    ("labels", "columns"),
    [([], 1), (["a"], 1), (["a"] * 4, 4), (["a" * 25] * 4, 2), (["a" * 22] * 5, 3)],
)
def test_a_legend_has_no_lone_last_row(labels, columns):
    assert legend_columns(labels) == columns


def test_a_panel_with_none_below_it_has_its_axis_lettered():
    panels = shared_panels(Figure(), 5, 3)
    lettered = [ax.xaxis.get_tick_params()["labelbottom"] for ax in panels]
    assert lettered == [False, False, True, True, True]


def test_models_differ_in_colour_marker_and_line(tables):
    one, other = OcclusionCurves(tables["occlusion/summary.csv"]).plot().ax_.get_lines()
    for look in ("color", "marker", "linestyle"):
        assert plt.getp(one, look) != plt.getp(other, look)


def test_equal_data_gives_equal_files_with_the_run_inside(tables, tmp_path):
    for name, colours in (("a", None), ("b", None), ("c", 96), ("d", 96)):
        figure = OcclusionCurves(tables["occlusion/summary.csv"]).plot().figure_
        save(figure, tmp_path / name, "run 123", ("pdf", "png", "svg"), colours)
    for pair, suffix in (("ab", ".pdf"), ("ab", ".png"), ("ab", ".svg"), ("cd", ".png")):
        first, second = ((tmp_path / name).with_suffix(suffix).read_bytes() for name in pair)
        assert first == second
    assert b"run 123" in (tmp_path / "a.png").read_bytes()
    assert b"run 123" in (tmp_path / "c.png").read_bytes()
    assert (tmp_path / "c.png").stat().st_size < (tmp_path / "a.png").stat().st_size / 2
    assert not plt.get_fignums()


def test_a_forest_of_occluders_has_the_dearest_at_the_top(tables):
    table = tables["occlusion/occluders.csv"]
    display = OccluderForest(table).plot()
    drops = table[(table["model"] == "iram-seed0") & (table["metric"] == "drop")]
    order = drops.sort_values("value")
    assert ticks(display.ax_.yaxis) == order["occluder"].tolist()
    found = dict(zip(*labelled(display.ax_)["IRAM"], strict=True))
    rows = [round(found[100 * value]) for value in order["value"]]
    assert rows == [0, 1]
    beyond = table[(table["model"] == "none-seed0") & (table["metric"] == "drop_beyond_box")]
    assert sorted(labelled(display.axes_[1])["no attention"][0]) == sorted(100 * beyond["value"])
    assert bars(display.axes_[1]) >= set(
        (100 * beyond[["low", "high"]]).round(6).itertuples(index=False, name=None)
    )


def test_pose_curves_show_accuracy_and_what_is_hidden_against_the_angle(tables):
    table = tables["pose/summary.csv"]
    display = PoseCurves(table).plot()
    yaw, pitch, hidden, _ = display.axes_
    own = table[table["model"] == "iram-seed0"].set_index("condition")["value"]
    x, y = labelled(yaw)["IRAM"]
    assert x == [-30, 0, 30]
    assert y == pytest.approx([100 * own[name] for name in ("yaw-30", "yaw+0", "yaw+30")])
    assert labelled(pitch)["IRAM"][1][0] == pytest.approx(100 * own["pitch-30"])
    (line,) = hidden.get_lines()
    assert line.get_ydata().tolist() == pytest.approx([30, 0, 30])
    with pytest.raises(InputError, match="no pose in depth"):
        PoseCurves(table[table["condition"] == "clean"]).plot()


def test_measured_yaw_stands_against_the_yaw_asked_for(tables):
    table = tables["pose/measured_yaw_heads.csv"]
    display = MeasuredYaw(tables["pose/measured_yaw_fer2013.csv"], table).plot()
    (_, heads) = display.ax_.containers
    assert heads.lines[0].get_xdata().tolist() == [-30, 0, 30]
    assert heads.lines[0].get_ydata().tolist() == pytest.approx(table["measured_yaw_deg"].tolist())
    ends = [segment[:, 1].tolist() for segment in heads.lines[2][0].get_segments()]
    assert np.array(ends) == pytest.approx(table[["low", "high"]].to_numpy())


def test_agreement_is_above_the_diagonal_and_beyond_chance_below_it(tables):
    table = tables["attribution/agreement.csv"]
    display = AgreementMatrix(table, "none-seed0").plot()
    (image,) = display.ax_.images
    own = table[table["model"] == "none-seed0"]
    names = [{"own attention": "attention", "Grad-CAM": "gradcam", "random map": "random"}[name]
             for name in ticks(display.ax_.yaxis)]
    shown = image.get_array()
    for row in own.itertuples():
        first, second = sorted((names.index(row.method), names.index(row.other)))
        assert shown[first, second] == row.value
        assert shown[second, first] == row.beyond
    assert image.get_clim() == (-1, 1)
    bold = [text for text in display.ax_.texts if text.get_fontweight() == "bold"]
    assert len(bold) == (own["beyond_low"] > 0).sum()


def test_faithfulness_has_a_point_and_its_chance_per_method_and_model(tables):
    table = tables["attribution/faithfulness.csv"]
    display = FaithfulnessForest(table).plot()
    own = table[(table["metric"] == "order_gap_logit") & (table["fill"] == "imputed")
                & (table["model"] == "iram-seed0")]
    assert sorted(labelled(display.axes_[1])["IRAM"][0]) == sorted(own["value"])
    means = table[table["metric"] == "shapley_rank"].groupby("method")["value"].mean()
    names = {"attention": "own attention", "gradcam": "Grad-CAM", "random": "random map"}
    assert ticks(display.ax_.yaxis) == [names[m] for m in means.sort_values().index]


def test_in_domain_deletion_has_a_panel_where_a_net_knows_covered_faces(tables):
    table = tables["attribution/faithfulness.csv"]
    own = small_results.methods_table(metric=["in_domain_deletion"], fill=["noise"])
    own = own[own["model"] == "iram-seed0"]
    display = FaithfulnessForest(pd.concat([table, own])).plot()
    assert [ax.get_xlabel()[:9] for ax in display.axes_][-1] == "in-domain"
    assert sorted(labelled(display.axes_[-1])["IRAM"][0]) == sorted(own["value"])
    assert len(FaithfulnessForest(table).plot().axes_) == len(display.axes_) - 1


def test_sanity_shows_the_end_of_the_cascade_and_every_trial_with_the_way_that_is_good(tables):
    table = tables["attribution/sanity.csv"]
    display = SanityForest(table).plot()
    assert [" ".join(ax.get_xlabel().split()) for ax in display.axes_] == [
        "← likeness of maps at the cascade's end", "← likeness of denoised maps (sMPRT)",
        "← log relative input stability (RIS)"]
    own = table[(table["layer"] == "backbone.stem") & (table["metric"] == "spearman")
                & (table["model"] == "iram-seed0")]
    assert sorted(labelled(display.ax_)["IRAM"][0]) == sorted(own["value"])
    assert ticks(display.ax_.yaxis) == ["random map", "Grad-CAM", "own attention"]
    with pytest.raises(InputError, match="no test of sanity"):
        SanityForest(table[table["metric"] == "ssim"]).plot()


def test_perturbation_curves_have_both_orders_and_chance(tables):
    table = tables["attribution/curves.csv"].astype({"share": str})  # as it is read from a file
    display = FaithfulnessCurves(table, "iram-seed0").plot()
    ax = next(ax for ax in display.axes_ if ax.get_title() == "Grad-CAM")
    own = table[(table["model"] == "iram-seed0") & (table["method"] == "gradcam")
                & (table["fill"] == "imputed") & (table["order"] == "lerf")]
    x, y = labelled(ax)["least relevant first"]
    assert x == [0, 50, 100]
    assert y == pytest.approx((100 * own["value"]).tolist())
    assert ax.get_lines()[0].get_ydata().tolist() == pytest.approx([10] * 3)


def test_what_verdicts_rest_on_is_in_margins_with_the_claim_at_the_right(tables):
    table = tables["shift/strata.csv"]
    display = VerdictForest(table).plot()
    rows = ticks(display.ax_.yaxis)
    assert rows == ["H1  leaves the occluded region (0.05 logits)", "gray", "noise",
                    "H2a  more than with permuted weights (0.05 logits)",
                    "H2c  more than with shuffled labels (0.05 logits)",
                    "H3  its movement raises the margin (0.05 logits)"]
    lines = [line for line in display.ax_.get_lines() if len(line.get_xdata()) == 5]
    filled, hollow = lines
    own = table[(table["model"] == "iram") & (table["stage"] == "all") & table["effect"].notna()]
    own = own[(own["hypothesis"] != "H2a") | (own["fill_class"] == "all")]
    expected = own["effect"] * own["direction"] / own["margin"]
    assert sorted(filled.get_xdata()) == pytest.approx(sorted(expected))
    assert sorted(round(y) for y in filled.get_ydata()) == [0, 1, 2, 3, 5]
    assert hollow.get_markerfacecolor() == "white"
    assert filled.get_markerfacecolor() != "white"
    assert [text.get_text() for text in display.ax_.texts] == ["not tested"]
    assert round(display.ax_.texts[0].get_position()[1]) == 4


def test_each_stage_of_the_net_stands_apart(tables):
    table = tables["shift/strata.csv"]
    display = StageForest(table).plot()
    assert [ax.get_title() for ax in display.axes_] == ["early layers", "late layers"]
    assert ticks(display.axes_[0].yaxis) == ["gray", "noise"]
    own = table[(table["hypothesis"] == "H1") & (table["stage"] == "late")]
    found = [x for line in display.axes_[1].get_lines() for x in line.get_xdata()]
    assert set(own["effect"]) <= set(found)
    with pytest.raises(InputError, match="no stage of H3 was tested"):
        StageForest(table, "H3").plot()


def test_each_fill_stands_beside_the_nulls_of_its_model(tables):
    table = tables["shift/by_fill.csv"]
    display = FillForest(table, "iram").plot()
    assert [ax.get_title() for ax in display.axes_] == ["layer 1", "layer 2", "all layers"]
    assert ticks(display.ax_.yaxis) == ["noise", "mean gray", "noise\n(beside the face)"]
    found = labelled(display.axes_[1])
    assert list(found) == ["IRAM", "IRAM, permuted weights", "no attention",
                           "IRAM, erased with noise"]
    own = table[(table["model"] == "none") & (table["layer"] == "1")]
    assert found["no attention"][0] == pytest.approx(own["value"].tolist())
    with pytest.raises(InputError, match="no model 'se'"):
        FillForest(table, "se").plot()


def test_interventions_show_margin_and_accuracy_per_condition(tables):
    table = tables["shift/interventions.csv"]
    display = InterventionForest(table, "iram-seed1").plot()
    assert ticks(display.ax_.yaxis) == ["eyes 30%, noise", "hand"]
    for ax, outcome, unit in zip(display.axes_, ("margin", "accuracy"), (1, 100), strict=True):
        own = table[(table["model"] == "iram-seed1") & (table["layer"] == "all")
                    & (table["outcome"] == outcome) & (table["intervention"] == "uniform")
                    ]
        found = labelled(ax)["attention without a place"][0]
        assert found == pytest.approx((unit * own["value"]).tolist())
        ends = (unit * own[["low", "high"]]).round(6)
        assert bars(ax) >= set(ends.itertuples(index=False, name=None))


def test_mediation_sets_what_is_lost_beside_what_the_movement_gives(tables):
    table = tables["shift/mediation.csv"]
    display = Mediation(table).plot()
    assert [ax.get_title() for ax in display.axes_] == ["noise", "all three"]
    names = ["no attention", "IRAM", "IRAM, erased with noise"]
    assert ticks(display.ax_.yaxis) == names  # no control of which nothing is asked
    own = table[(table["fill"] == "noise") & (table["outcome"] == "accuracy")]
    found = labelled(display.ax_)
    for effect, label in EFFECTS.items():
        rows = own[own["effect"] == effect].set_index("model")
        kept = [m for m in ("none", "iram", "iram-erasing-noise") if m in rows.index]
        assert found[label][0] == pytest.approx((100 * rows.loc[kept, "value"]).tolist())
    with pytest.raises(InputError, match="attention was replaced in no model"):
        Mediation(table[table["effect"] == "total"]).plot()


def test_points_of_the_curve_are_joined_by_the_weight_that_the_grid_gives_the_fall(tables):
    given = [tables[f"away/{name}.csv"] for name in ("shift/by_fill", "trained/modules",
                                                     "held_out/modules")]
    display = AwayCurve(*(one.sample(frac=1, random_state=0) for one in given)).plot()
    moved, lost = given[0].set_index(["fill", "model"])["value"], given[1].set_index("label")
    nets = ["iram-away-falls-0", "iram-away", "iram-away-falls-16"]
    gray = display.axes_[0].lines[0]
    assert list(gray.get_xdata()) == [moved["mean", net] for net in nets]
    assert list(gray.get_ydata()) == pytest.approx(list(100 * lost.loc[nets, "difference"]))
    assert [text.get_text() for text in display.axes_[0].texts[:3]] == ["0", "4", "16"]
    terms = {cell.label: cell.recipe.get("terms", "") for cell in GRIDS["away"]}
    for net, weight in WEIGHTS.items():
        assert f"attention_falls:{weight}+" in terms[net]
    with pytest.raises(InputError, match="no attention of these nets"):
        AwayCurve(given[0][:0], *given[1:]).plot()


def test_attention_on_real_occlusions_stands_beside_the_painted(tables):
    table = tables["shift/real.csv"]
    display = RealShiftForest(table).plot()
    assert [ax.get_title() for ax in display.axes_] == ["IRAM", "no attention"]
    assert ticks(display.ax_.yaxis)[:2] == ["upper face, real (9 faces)", "eyes, 30%"]
    own = table[(table["model"] == "none-seed0") & (table["faces"] == "not turned")]
    found = [line.get_xdata()[0] for line in display.axes_[1].get_lines()[1:]]
    assert found == pytest.approx(own[["real", "synthetic"]].to_numpy().ravel().tolist())


def test_an_example_has_one_scale_for_both_rows_and_the_occluder_outlined():
    example = small_results.example()
    display = ExamplePanel(example).plot()
    face, attention, gradcam, covered, _, below = display.axes_
    assert (face.get_title(), covered.get_title()) == ("clean\nhappy 90%", "hand\nhappy 20%")
    assert (face.images[0].get_array() == example.images[0]).all()
    assert (below.images[1].get_array() == example.maps["gradcam"][1]).all()
    limit = np.abs(example.maps["gradcam"]).max()
    assert gradcam.images[1].get_clim() == below.images[1].get_clim() == (-limit, limit)
    gate = example.maps["attention"]
    assert attention.images[1].get_clim() == (gate.min(), gate.max())
    assert not gradcam.collections
    (outline,) = below.collections
    corners = outline.get_paths()[0].vertices
    assert corners.min(0).tolist() == [2.5, 5.5]
    assert corners[:, 0].max() == 8.5


def test_a_display_draws_into_axes_and_figures_that_it_is_given(tables):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    display = VerdictForest(tables["shift/strata.csv"]).plot(left)
    assert (display.ax_, display.figure_) == (left, figure)
    nested = PoseCurves(tables["pose/summary.csv"]).plot(right)
    assert right not in figure.axes  # four panels stand in its place
    assert len(nested.axes_) == 4
    assert set(nested.axes_) <= set(figure.axes)
    own = Figure()
    assert OcclusionCurves(tables["occlusion/summary.csv"]).plot(own).figure_ is own


def test_a_table_without_a_column_is_told(tables):
    table = tables["occlusion/summary.csv"].drop(columns=["low", "high"])
    with pytest.raises(InputError, match="'summary' lacks the columns low, high"):
        OcclusionCurves(table).plot()


def test_a_notebook_shows_a_display_as_a_picture(tables):
    display = MeasuredYaw(*(tables[f"pose/measured_yaw_{name}.csv"] for name in
                            ("fer2013", "heads")))
    assert display._repr_png_().startswith(b"\x89PNG")
    assert isinstance(display.axes_, list)


def test_seeds_of_a_model_look_alike_and_are_told_once():
    frame = small_results.summary()
    more = pd.concat([frame, frame.assign(model=frame["model"].str.replace("seed0", "seed1"))])
    display = OcclusionCurves(more).plot()
    assert list(labelled(display.ax_)) == ["IRAM (2 seeds)", "no attention (2 seeds)"]
    assert len(display.ax_.get_lines()) == 4


def test_what_should_come_out_is_filled_and_the_most_seeds_are_shown(tables):
    display = VerdictRates(tables["calibration/rates.csv"]).plot()
    assert [ax.get_title() for ax in display.axes_] == ["H1", "H3"]
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows == ["avoids every fill", "stays"]
    filled = {line.get_color(): len(line.get_xdata()) for line in display.ax_.get_lines()
              if line.get_marker() in "os^" and line.get_fillstyle() == "full"}
    assert sorted(filled.values()) == [0, 1, 1]
    assert "5 training seeds a study" in display.figure_.legends[0].get_title().get_text()
