"""What a page is told when it opens: all that can be chosen, by name and title."""

from analysis.explorer.names import (
    CORRUPTIONS as CORRUPTION_TITLES,
)
from analysis.explorer.names import (
    FILLS as FILL_TITLES,
)
from analysis.explorer.names import (
    OCCLUDERS,
    colours,
    method_title,
    title,
)
from analysis.explorer.offer import Gallery, Offer, trained_on_heads
from analysis.explorer.request import methods
from analysis.explorer.state import DRAWN
from analysis.explorer.upload import MAX_BYTES, MOST_ZOOM
from analysis.explorer.wire import Message
from analysis.stimuli.conditions import PITCHES, YAWS
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.occluders import OBJECTS, names
from analysis.stimuli.occluders.regions import HALVES, REGIONS
from analysis.studies.attribution.methods import DEAR, SEVERAL_PASSES, TRIVIAL
from iram.weights import find_weights, read_card

ROLL = 45.0
ALWAYS_SHOWN = ("attention", "attention_layer")  # in a tile of their own
BORROWED = ("other_class", "same_class")  # fills that need other faces, with labels


def greeting(offer: Offer) -> Message:
    """Header and arrays of the first message."""
    header = {
        "type": "hello",
        "galleries": [_gallery(one) for one in offer.galleries.values()],
        "models": [_model(name) for name in offer.models],
        "methods": [_method(name) for name in methods() if name not in ALWAYS_SHOWN],
        "occluders": _occluders(),
        "fills": [{"name": n, "title": title(n, FILL_TITLES), "borrows": n in BORROWED}
                  for n in FILLS],
        "corruptions": [{"name": n, "title": title(n, CORRUPTION_TITLES)} for n in CORRUPTIONS],
        "angles": {"yaw_deg": max(YAWS), "pitch_deg": max(PITCHES), "roll_deg": ROLL},
        "limits": {"bytes": MAX_BYTES, "zoom": MOST_ZOOM},
    }
    return header, colours()


def _gallery(gallery: Gallery) -> dict:
    dataset = gallery.dataset
    return {
        "name": gallery.name,
        "title": gallery.title,
        "classes": list(dataset.classes),
        "size": dataset.size,
        "renders": dataset.renders,
    }


def _model(name: str) -> dict:
    card = read_card(find_weights(name))
    architecture = card["architecture"]
    return {"name": name, "attention": architecture["attention"] not in ("none", "none-matched"),
            "classes": list(architecture["classes"]), "size": architecture.get("input_size", 48),
            "on_heads": trained_on_heads(card)}


def _method(name: str) -> dict:
    cost = "quick"
    if name in DEAR:
        cost = "slow"
    elif name in SEVERAL_PASSES:
        cost = "slower"
    elif name in TRIVIAL:
        cost = "trivial"
    return {"name": name, "title": method_title(name), "cost": cost}


def _occluders() -> list[dict]:
    """Grouped, in the order in which they are offered; a newly registered one stands last."""
    groups = {"Drawn by you": (DRAWN,), "Regions": (*REGIONS, *HALVES), "Objects": tuple(OBJECTS),
              "At random": ("box", "blob", "dropout", "sham")}
    known = [name for members in groups.values() for name in members]
    groups["Others"] = tuple(name for name in names() if name not in known)
    return [{"name": name, "title": title(name, OCCLUDERS), "group": group,
             "natural": name in OBJECTS}
            for group, members in groups.items() for name in members]
