"""The explorer without its page: what is shown equals what the benchmark makes and asks."""

import math

import numpy as np
import outside
import pytest
import sources
import tiny
import torch

from analysis.attributions import attribute
from analysis.explorer.answer import Answer, ask, attention_map, on_covered
from analysis.explorer.greeting import greeting
from analysis.explorer.offer import Gallery, Offer, open_offer
from analysis.explorer.picture import Face, Picture, make_picture, moved
from analysis.explorer.session import MapPair, Session
from analysis.explorer.state import DRAWN, State
from analysis.explorer.words import clean_text, condition_text, map_texts, summary_text
from analysis.stimuli.conditions import CLEAN, Condition
from analysis.stimuli.landmarks import Landmarks, mean_landmarks
from analysis.stimuli.landmarks.pictures import picture_ids
from analysis.stimuli.landmarks.writer import write_landmarks
from analysis.stimuli.layout import FRONTAL, fit_cameras, mean_layout
from analysis.stimuli.occluders import Cover
from analysis.stimuli.perturb import cover_faces
from analysis.stimuli.pose import turn
from analysis.studies.occlusion.plan import Benchmark
from analysis.subjects import open_model
from iram import open_dataset
from iram.errors import InputError
from iram.weights import load_model

CONDITIONS = [
    CLEAN, Condition("eyes", 0.3, "noise"), Condition("mouth", 0.2, "other_class"),
    Condition("sunglasses", None, "object"), Condition("hand", 0.3, "imputed"),
    Condition("box", 0.3, "mean"), Condition("sham", 0.3, "texture"),
    Condition("nose", 0.3, "mean", yaw_deg=20.0), Condition(pitch_deg=-10.0),
    Condition("lower_half", 0.5, "blur", roll_deg=15.0),
    Condition(corruption="gaussian_noise", severity=4),
]


@pytest.fixture(scope="module")
def heads():
    return open_dataset("heads:n=70", split="test")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {name: str(tiny.weights(folder, name)) for name in ("iram", "none", "se")}


@pytest.fixture
def session(heads, paths):
    offer = Offer({"heads": Gallery("heads", "rendered heads", heads)}, tuple(paths.values()))
    return Session(offer)


def state(paths, condition=CLEAN, model="iram", **options):
    return State("heads", 3, paths[model], condition, **options)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
@pytest.mark.parametrize("kind", ["heads", "photographs"])
def test_a_picture_is_the_benchmarks_bit_for_bit(heads, condition, kind):
    dataset = heads if kind == "heads" else tiny.dataset(8)
    gallery = Gallery(kind, kind, dataset)
    camera = None
    if kind == "heads":
        points = dataset.landmarks_68(slice(None)).numpy()
        camera = fit_cameras(points / dataset.size)
    benchmark = Benchmark([], dataset, [condition], None, cameras=camera)
    whole = benchmark.perturbed(condition, slice(0, 6))
    found = make_picture(gallery.face(3), State(kind, 3, "", condition))
    assert torch.equal(found.shown[0], whole.pictures[3])
    covered, _, hidden = whole.shares[:, 3].tolist()
    assert (found.occlusion_fraction, found.self_occlusion_fraction) == (covered, hidden)


def test_what_is_compared_is_the_uncovered_face_at_the_same_pose_or_the_untouched_one(heads):
    face = Face(heads, 3)
    turned = make_picture(face, State("heads", 3, "", Condition(yaw_deg=30.0)))
    both = make_picture(face, State("heads", 3, "", Condition("eyes", 0.3, "mean", yaw_deg=30.0)))
    assert torch.equal(turned.reference, turned.clean)
    assert torch.equal(both.reference, turned.shown)
    assert torch.equal(both.clean, heads.images([3]))


def test_a_drawn_occluder_is_painted_as_a_named_one_of_the_same_place(heads):
    face, named = Face(heads, 3), Condition("eyes", 0.3, "noise")
    expected = make_picture(face, State("heads", 3, "", named))
    drawn = expected.mask[0].numpy().astype(np.uint8).tobytes()
    found = make_picture(face, State("heads", 3, "", Condition(DRAWN, None, "noise"), drawn))
    assert torch.equal(found.shown, expected.shown)
    assert found.occlusion_fraction == expected.occlusion_fraction


def test_a_drawing_of_another_size_is_told(heads):
    asked = State("heads", 3, "", Condition(DRAWN, None, "mean"), drawn=bytes(100))
    with pytest.raises(InputError, match="has 100 pixels; the picture has 48 x 48"):
        make_picture(Face(heads, 3), asked)


@pytest.mark.parametrize("shift", [(0, 0), (5, -3), (-7, 2), (100, 0)])
def test_a_moved_occluder_lies_that_much_further_and_does_not_wrap(shift):
    layout = mean_layout(48)
    named = cover_faces(layout, Condition("sunglasses", None, "object"), ["a"], 0)
    found = moved(named, *shift)
    for before, after in ((named.mask, found.mask), (named.alpha, found.alpha)):
        padded = np.pad(before[0].numpy(), 100)
        y, x = 100 - shift[1], 100 - shift[0]
        np.testing.assert_array_equal(after[0].numpy(), padded[y : y + 48, x : x + 48])
    assert isinstance(found, Cover)


@pytest.mark.parametrize("name", ["iram", "none", "se"])
def test_the_answer_is_the_models_and_attention_is_attributes(paths, heads, name):
    model, x = load_model(paths[name]), heads.images([3])
    found = ask(model, x)
    with torch.inference_mode():
        expected = model(x).softmax(1)[0]
    torch.testing.assert_close(found.probabilities, expected)
    if name == "none":
        assert attention_map(found, None, 48) is None
        return
    for layer, method, options in ((None, "attention", {}), (2, "attention_layer", {"layer": 2})):
        wanted = attribute(model, x, found.prediction, method, **options)[0]
        torch.testing.assert_close(attention_map(found, layer, 48), wanted)


def test_a_layer_that_is_not_there_is_told(paths, heads):
    with pytest.raises(InputError, match="no attention layer 6; there are 0 to 5"):
        attention_map(ask(load_model(paths["iram"]), heads.images([0])), 6, 48)


def test_maps_are_attributes_own_of_the_untouched_prediction(session, paths, heads):
    condition = Condition("mouth", 0.3, "noise")
    methods = ("gradcam", "region_shapley", "attention_rollout")
    seen, *maps = session.look(state(paths, condition, methods=methods, compared=True))
    model = load_model(paths["iram"])
    assert seen.target == ask(model, heads.images([3])).prediction
    assert [told.method for told in maps] == list(methods)
    assert [told.signed for told in maps] == [True, True, False]
    for told in maps:
        options = {"regions": "face"} if told.method == "region_shapley" else {}
        for x, found in ((seen.picture.reference, told.before), (seen.picture.shown, told.after)):
            expected = attribute(model, x, seen.target, told.method, **options)[0]
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_class_of_the_users_own_is_explained(session, paths, heads):
    seen, told = session.look(state(paths, methods=("gradcam",), target=4))
    expected = attribute(load_model(paths["iram"]), heads.images([3]), 4, "gradcam")[0]
    torch.testing.assert_close(told.after, expected, rtol=1e-4, atol=1e-6)
    assert told.before is None  # nobody asked to compare
    assert seen.target == 4
    with pytest.raises(InputError, match="there is no class 9; the model has 7"):
        next(session.look(state(paths, target=9)))


def test_a_method_that_a_model_cannot_have_says_why(session, paths):
    seen, told = session.look(state(paths, model="none", methods=("attention_rollout",)))
    assert told.after is None
    assert "a model with attention maps of its own" in told.reason
    assert seen.attention.after is None
    assert seen.on_covered == []


def attention_on(mask, inside, outside):
    """A picture with this mask (48, 48), all of it face, and an answer whose one attention map is
    24 x 24 with these values."""
    picture = Picture(*[None] * 3, mask[None], torch.ones(1, 48, 48, dtype=torch.bool), *[None] * 3)
    small = mask[::2, ::2].float()
    return picture, Answer(None, [(small * inside + (1 - small) * outside)[None]])


def test_attention_on_the_covered_part_is_over_its_even_share():
    mask = torch.zeros(48, 48, dtype=torch.bool)
    mask[:, :24] = True  # 12 of 24 columns of cells; one column beside them is the band
    picture, even = attention_on(mask, 0.5, 0.5)
    _, left = attention_on(mask, 0.2, 0.6)
    [found] = on_covered(picture, even, left)
    assert found.before == pytest.approx(1)
    assert found.after == pytest.approx(0.2 / ((12 * 0.2 + 11 * 0.6) / 23))
    nothing, _ = attention_on(torch.zeros_like(mask), 1, 1)
    assert math.isnan(on_covered(nothing, even, left)[0].before)


def test_what_was_made_is_not_made_again(session, paths, monkeypatch):
    asked = state(paths, Condition("eyes", 0.3, "mean", yaw_deg=10.0), methods=("gradcam",))
    first, one = session.look(asked)
    for name in ("ask", "pose", "make_picture", "method_map"):
        monkeypatch.setattr(f"analysis.explorer.session.{name}", None)
    second, other = session.look(asked)
    assert torch.equal(first.picture.shown, second.picture.shown)
    assert torch.equal(one.after, other.after)
    with pytest.raises(TypeError):  # a new place has to be made
        next(session.look(state(paths, Condition("eyes", 0.4, "mean"))))


def test_what_is_kept_has_a_limit(session, paths, monkeypatch):
    monkeypatch.setattr("analysis.explorer.session.MOST_KEPT", 6)
    for place in range(4):
        next(session.look(State("heads", place, paths["iram"])))
    assert len(session._kept) == 6


def test_a_net_from_outside_is_asked_as_ours_are(tmp_path):
    attention = "[attention]\nlayers = ['gate']\nread = 'gate'"
    spec = outside.write_net(tmp_path, size=64, extra=attention)
    offer = open_offer(models=[spec, "none-heads"], heads="heads:n=70")
    told, ours = greeting(offer)[0]["models"]
    assert (told["name"], ours["name"]) == (spec, "none-heads")
    assert (told["title"], told["size"], told["on_heads"]) == ("net-build", 64, None)
    assert told["attention"]
    chosen = State("heads", 0, spec, Condition("eyes", 0.3, "noise"), methods=("gradcam",))
    seen, gradcam = Session(offer).look(chosen)
    x = seen.picture.clean
    expected = open_model(spec)(x).softmax(1)[0]
    assert torch.equal(seen.clean.probabilities, expected.detach())
    assert len(seen.on_covered) == 1
    assert gradcam.after.shape == (48, 48)
    session = Session(offer)
    sources.write_pictures(tmp_path, ["face.png"])
    number, _ = session.upload("face.png", (tmp_path / "face.png").read_bytes())
    (seen,) = session.look(State("upload", number, spec))
    assert seen.picture.shown.shape[-1] == 64


def test_a_mistake_in_a_net_from_outside_is_told_before_the_page_opens(tmp_path):
    spec = outside.write_net(tmp_path, result="x")
    with pytest.raises(InputError, match="net"):
        open_offer(models=[spec], heads="heads:n=70")


def test_what_is_not_offered_is_told(session, paths):
    for asked, message in (
        (State("heads", 99, paths["iram"]), "rendered heads has faces 0 to 13, not 99"),
        (State("nosuch", 0, paths["iram"]), "no gallery 'nosuch'"),
        (State("heads", 0, "/etc/passwd"), "model '/etc/passwd' is not among those offered"),
        (State("upload", 0, paths["iram"]), "choose the file again"),
    ):
        with pytest.raises(InputError, match=message):
            next(session.look(asked))


def test_landmarks_of_a_file_place_the_occluder_and_turn_the_head(tmp_path):
    dataset = tiny.dataset(4)
    wide = mean_landmarks() * [1, 1, -1] * 48
    meshes = np.stack([wide, wide + np.array([4, 0, 0]), wide, wide]).astype(np.float32)
    path = tmp_path / "meshes.npz"
    write_landmarks(path, Landmarks(meshes, 48, picture=picture_ids(dataset)))
    gallery = Gallery("data", "tiny", dataset, path)
    centred, shifted = (gallery.face(k).camera for k in (0, 1))
    torch.testing.assert_close(shifted[0, :, 3] - centred[0, :, 3], torch.tensor([4 / 48, 0]),
                               atol=2e-3, rtol=0)
    turned = State("data", 1, "", Condition(yaw_deg=30.0))
    found = make_picture(gallery.face(1), turned)
    expected = turn(dataset.images([1]), 30.0, landmarks=dataset.landmarks[1:2]).images
    assert torch.equal(found.shown, expected)


@pytest.mark.exhaustive
def test_real_faces_are_browsed_with_their_landmarks(iram_data):
    csv = iram_data / "fer2013" / "fer2013.csv.xz"
    offer = open_offer(f"fer2013:{csv}", models=["iram"], heads="heads:n=14")
    face = offer.gallery("data").face(5)
    assert not torch.equal(face.camera[0], FRONTAL)
    asked = State("data", 5, "iram", Condition("eyes", 0.3, "other_class"), methods=("gradcam",))
    seen, told = Session(offer).look(asked)
    assert seen.face.label in face.dataset.classes
    assert told.after.shape == (48, 48)


def test_models_that_know_the_first_faces_come_first(fer_csv):
    assert open_offer(heads="heads:n=14").models[0] == "iram-heads"
    offer = open_offer(f"fer2013:{fer_csv}", split=None, heads="heads:n=14")
    assert (offer.models[0], list(offer.galleries)) == ("iram", ["data", "heads"])
    assert open_offer(models=["none", "iram"], heads="heads:n=14").models == ("none", "iram")
    with pytest.raises(InputError, match="unknown model 'nosuch'"):
        open_offer(models=["nosuch"])
    with pytest.raises(InputError, match="name it with --data"):
        open_offer(landmarks="some.npz")


def test_a_folder_of_pictures_alone_is_browsed_without_labels(tmp_path):
    root = sources.write_pictures(tmp_path / "mine", ["b.png", "a.jpg"], 64)
    (root / "explained").mkdir()  # a folder without pictures is none of a class
    offer = open_offer(f"folder:{root}", models=["iram-heads"], heads="heads:n=14")
    assert [offer.gallery("data").face(k).image_id for k in (0, 1)] == ["a.jpg", "b.png"]
    asked = State("data", 1, "iram-heads", Condition("eyes", 0.3, "mean"))
    [seen] = Session(offer).look(asked)
    assert "labelled" not in clean_text(seen)
    assert seen.picture.shown.shape[-1] == 48
    for fill in ("other_class", "same_class"):
        with pytest.raises(InputError, match=f"'{fill}' needs faces with labels; mine has none"):
            list(Session(offer).look(State("data", 0, "iram-heads", Condition("eyes", 0.3, fill))))


def test_a_folder_of_classes_keeps_its_labels(tmp_path):
    root = sources.write_pictures(tmp_path / "mine", ["happy/1.png", "sad/1.png", "beside.png"])
    offer = open_offer(f"folder:{root}", models=["iram-heads"], split=None, heads="heads:n=14")
    assert offer.gallery("data").dataset.classes == ("happy", "sad")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (CLEAN, "as it is"),
        (Condition("eyes", 0.3, "noise", yaw_deg=20.0),
         "turned 20° to the right, 30% covered (eyes, noise)"),
        (Condition("vr_headset", None, "object", roll_deg=-5.0),
         "turned 5° anticlockwise, 30% covered (VR headset, the object's own look)"),
        (Condition(pitch_deg=0.0, corruption="jpeg", severity=2),
         "turned 0°, spoiled (JPEG, severity 2)"),
    ],
)
def test_a_condition_in_words(condition, told):
    assert condition_text(condition, 0.301) == told


def test_maps_in_words_name_the_regions_where_they_are(session, paths):
    seen, *_ = session.look(state(paths, Condition("mouth", 0.3, "noise")))
    regions = seen.picture.regions
    mouth, eyes = ((regions == code).float() for code in (4, 1))
    gate = MapPair("attention", mouth - eyes, 0.5 + 0.2 * mouth - 0.1 * eyes)
    texts = map_texts(seen, gate)
    assert texts["after"].endswith(": highest at the mouth, lowest at the eyes; 0.4 to 0.7.")
    signed = MapPair("gradcam", None, eyes - mouth, signed=True)
    name = seen.classes[seen.target]
    assert map_texts(seen, signed) == {
        "after": f"Grad-CAM of {paths['iram']}: speaks for {name} most at the eyes, most against "
        "it at the mouth."
    }
    change = MapPair("gradcam", torch.zeros(48, 48), -mouth, signed=True)
    assert map_texts(seen, change)["difference"].endswith("uncovered: falls most at the mouth.")
    flat = MapPair("attention", None, torch.full((48, 48), 0.5))
    assert map_texts(seen, flat)["after"].endswith("the same everywhere, 0.5.")


def test_the_summary_says_what_changed(session, paths):
    seen, *_ = session.look(state(paths, Condition("mouth", 0.3, "noise")))
    told = summary_text(seen)
    covered = round(100 * seen.picture.occlusion_fraction)
    assert told.startswith(f"Face {covered}% covered (mouth, noise): ")
    assert seen.classes[seen.after.prediction] in told
    assert "The covered part gets" in told or "as it was" in told
