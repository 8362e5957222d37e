"""What a page is told when it opens: all that can be chosen, by name and title."""

from analysis.attributions import ATTRIBUTIONS
from analysis.attributions.explanation import picture_size
from analysis.explorer.names import colours, method_title, occluder_title
from analysis.explorer.offer import Gallery, Offer, trained_on_heads
from analysis.explorer.request import methods
from analysis.explorer.state import DRAWN
from analysis.explorer.upload import MAX_BYTES, MOST_ZOOM
from analysis.explorer.wire import Message
from analysis.stimuli.conditions import PITCHES, YAWS
from analysis.stimuli.corruptions import CORRUPTIONS
from analysis.stimuli.fills import FILLS
from analysis.stimuli.occluders import GROWING, OBJECTS
from analysis.subjects.loading import is_outside
from iram.weights import find_weights, read_card

ROLL = 45.0
ALWAYS_SHOWN = ("attention", "attention_layer")  # in a tile of their own
GROUPS = {"region": "Regions", "object": "Objects", "at random": "At random", "other": "Others"}


def greeting(offer: Offer) -> Message:
    """Header and arrays of the first message."""
    header = {
        "type": "hello",
        "galleries": [_gallery(one) for one in offer.galleries.values()],
        "models": [_model(offer, name) for name in offer.models],
        "methods": [_method(name) for name in methods() if name not in ALWAYS_SHOWN],
        "occluders": _occluders(),
        "fills": [{"name": name, "title": title, "borrows": FILLS.about(name).borrows}
                  for name, title in FILLS.titles.items()],
        "corruptions": [{"name": name, "title": title}
                        for name, title in CORRUPTIONS.titles.items()],
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


def _model(offer: Offer, name: str) -> dict:
    """`on_heads` is None of a net from outside: what faces it knows isn't told."""
    if is_outside(name):
        model = offer.model(name)
        return {"name": name, "title": model.name, "attention": model.has_attention,
                "classes": list(model.classes), "size": picture_size(model), "on_heads": None}
    card = read_card(find_weights(name))
    architecture = card["architecture"]
    return {"name": name, "title": name,
            "attention": architecture["attention"] not in ("none", "none-matched"),
            "classes": list(architecture["classes"]), "size": architecture.get("input_size", 48),
            "on_heads": trained_on_heads(card)}


def _method(name: str) -> dict:
    told = ATTRIBUTIONS.about(name)
    cost = "trivial" if told.trivial else told.cost
    return {"name": name, "title": method_title(name), "cost": cost}


def _occluders() -> list[dict]:
    """Grouped, in the order in which they are offered."""
    drawn = {"name": DRAWN, "title": occluder_title(DRAWN), "group": "Drawn by you",
             "natural": False}
    return [drawn] + [
        {"name": name, "title": title, "group": group, "natural": known is OBJECTS}
        for kind, group in GROUPS.items() for known in (GROWING, OBJECTS)
        for name, title in known.titles.items() if known.about(name).kind == kind
    ]
