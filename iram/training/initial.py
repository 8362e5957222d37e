"""What a training starts from: weights drawn by its seed, or those of a trained net."""

from iram.architecture import Architecture
from iram.errors import InputError
from iram.model import FERClassifier
from iram.training.recipe import Recipe
from iram.weights import find_weights, load_model, read_card

OTHERS = ("teacher", "pretrained")  # fields of a recipe that name a trained net


def initial_model(architecture: Architecture, recipe: Recipe) -> FERClassifier:
    """A new net, by torch's global generator; or the recipe's `pretrained` one.

    Raises:
        InputError: the pretrained net is of another architecture.
    """
    model = FERClassifier(architecture)
    if recipe.pretrained:
        found = load_model(recipe.pretrained)
        own, other = architecture.to_dict(), found.architecture.to_dict()
        if off := [name for name in own if own[name] != other[name]]:
            told = ", ".join(f"{name} {other[name]!r}, not {own[name]!r}" for name in off)
            raise InputError(f"recipe: pretrained {recipe.pretrained} is of another architecture "
                             f"than the net to be trained: {told}")
        model.load_state_dict(found.state_dict())
    return model


def others(recipe: Recipe) -> dict[str, str]:
    """{"teacher_sha256": SHA-256 of the weights that the recipe names}, for each of `OTHERS` that
    it names; what a card tells beside the names, since names can come to mean other weights.

    Raises:
        InputError: no such name or file, or no card beside it.
    """
    named = {field: getattr(recipe, field) for field in OTHERS}
    return {f"{field}_sha256": read_card(find_weights(name))["weights_sha256"]
            for field, name in named.items() if name}
