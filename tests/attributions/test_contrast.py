"""Why this class rather than that one: the difference of two logits, by every method."""

import pytest
import torch
from nets import MODELS, QUICK, TARGET, ask, classifier, pictures

from analysis import attribute
from analysis.attributions import ATTRIBUTIONS, missing, shapley_interactions, shapley_values
from analysis.attributions.base import asks_of_a_class
from analysis.attributions.contrast import SECOND, asked_against, pairwise, rival_of, runner_up
from iram.errors import InputError

X = pictures()
RIVAL = torch.tensor([1, 0, 0])
LINEAR = ("saliency", "input_x_gradient", "gradcam", "hirescam", "integrated_gradients",
          "smoothgrad", "occlusion", "feature_ablation", "region_shapley", "deeplift",
          "gradient_shap", "kernel_shap", "ablation_cam", "lrp_epsilon", "lrp_gamma",
          "lrp_composite")  # in the logit that they explain


@pytest.mark.parametrize("method", LINEAR)
def test_the_map_of_a_difference_is_the_difference_of_the_maps(method):
    model = MODELS["plain"]
    found = ask(model, X, TARGET, method, against=RIVAL)
    wanted = ask(model, X, TARGET, method) - ask(model, X, RIVAL, method)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("method", sorted(ATTRIBUTIONS))
@pytest.mark.parametrize("name", MODELS)
def test_every_method_takes_the_question_and_leaves_the_model_as_it_was(name, method):
    model = MODELS[name]
    if missing(method, model):
        pytest.skip("this model can't have it")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = ask(model, X, TARGET, method, against="second")
    assert found.shape == (3, 16, 16)
    plain = ask(model, X, TARGET, method)
    assert torch.allclose(found, plain, rtol=1e-4, atol=1e-6) != asks_of_a_class(method)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_picture_is_asked_against_its_own_rival_whatever_the_others_are():
    model = classifier()
    together = attribute(model, X, TARGET, "gradcam", against=RIVAL)
    alone = [attribute(model, X[i : i + 1], TARGET[i : i + 1], "gradcam", against=int(RIVAL[i]))
             for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-6)


def test_options_that_each_picture_has_of_its_own_go_along():
    model, regions = classifier(), torch.arange(3 * 256).view(3, 16, 16) % 5
    together = attribute(model, X, TARGET, "feature_ablation", against=RIVAL, regions=regions)
    last = attribute(model, X[2:], TARGET[2:], "feature_ablation", against=0, regions=regions[2])
    torch.testing.assert_close(together[2:], last, rtol=1e-4, atol=1e-6)


def test_the_second_is_the_highest_logit_beside_the_target():
    logits = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert runner_up(logits, torch.tensor([0, 2])).tolist() == [1, 0]


def test_what_is_called_and_no_module_is_asked_too():
    found = attribute(lambda x: MODELS["plain"](x), X, TARGET, "occlusion", against=RIVAL,
                      **QUICK["occlusion"])
    wanted = ask(MODELS["plain"], X, TARGET, "occlusion", against=RIVAL)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(("against", "told"), [
    (TARGET, "why their class rather than itself"), (9, "no class 9"), ("third", "or second"),
])
def test_a_question_without_an_answer_is_refused(against, told):
    with pytest.raises(InputError, match=told):
        attribute(MODELS["plain"], X, TARGET, "gradcam", against=against)


def test_passes_of_ones_own_are_asked_the_same():
    model = MODELS["plain"]
    regions = QUICK["region_shapley"]["regions"]
    found = attribute(model, X, TARGET, "region_shapley", against=RIVAL, regions=regions,
                      passes=lambda x: model(x))
    torch.testing.assert_close(found, ask(model, X, TARGET, "region_shapley", against=RIVAL))


def test_shapley_values_and_interactions_are_of_the_difference():
    model, regions = MODELS["iram"], torch.arange(256).view(16, 16) // 64
    for function in (shapley_values, lambda *a, **o: shapley_interactions(*a, **o).pairs):
        found = function(model, X, TARGET, regions, against=RIVAL)
        wanted = function(model, X, TARGET, regions) - function(model, X, RIVAL, regions)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    second = shapley_values(model, X, TARGET, regions, against="second", passes=model)
    with torch.no_grad():
        rival = runner_up(model(X), TARGET)
    torch.testing.assert_close(second, shapley_values(model, X, TARGET, regions, against=rival))


def test_pairwise_logits_stand_at_class_times_count_plus_rival():
    assert pairwise(torch.tensor([[1.0, 3.0]])).tolist() == [[0.0, -2.0, 2.0, 0.0]]


def test_a_class_is_named_by_any_of_its_words_and_the_runner_up_stands_in_for_itself():
    classes = ("angry", "happy", "surprise")
    assert asked_against("Happiness", classes) == 1
    assert (asked_against(None, classes), asked_against("second", classes)) == (None, SECOND)
    logits, target = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), torch.tensor([0, 2])
    assert rival_of(logits, target, 2).tolist() == [2, 1]
    assert rival_of(logits, target, SECOND).tolist() == [1, 1]
    with pytest.raises(InputError, match=r"--against: unknown class 'surprize'.*did you mean"):
        asked_against("surprize", classes)
