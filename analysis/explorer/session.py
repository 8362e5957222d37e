"""One user's session: from a state to all that is shown, piece by piece, each made once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from hashlib import sha256
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.attributions import shapley_interactions
from analysis.attributions.contrast import rival_of, runner_up
from analysis.attributions.explanation import method_map, picture_size, rather
from analysis.explorer.answer import Answer, OnCovered, ask, attention_map, on_covered
from analysis.explorer.offer import Offer
from analysis.explorer.picture import Face, Picture, make_picture
from analysis.explorer.state import State
from analysis.explorer.upload import Upload, read_upload
from analysis.stimuli.perturb import pose
from iram.errors import InputError

UPLOAD = "upload"
MOST_UPLOADS = 8  # the oldest goes
MOST_KEPT = 3000  # pieces; a map of 48 px takes 9 kB


class MapPair(NamedTuple):
    """A method's maps (S, S) of the reference (None unless it was compared) and of the shown
    picture; both None, with a reason, where the model can't have them."""

    method: str
    before: Tensor | None
    after: Tensor | None
    signed: bool = False
    reason: str = ""


class Together(NamedTuple):
    """How the regions of the shown picture work together, in logits.

    Attributes:
        pairs: (8, 8) of FACE_REGIONS: the Shapley-Taylor index of every two; see `Interactions`.
    """

    pairs: Tensor


class Seen(NamedTuple):
    """What a state shows before any attribution.

    Attributes:
        clean, before, after: the model's answers to the clean, the reference and the shown picture.
        target: the class that is explained.
        against: the one that it is asked against; None for none.
        second: the runner-up beside the target on the clean picture.
        attention: the chosen layer's maps.
        on_covered: per layer; empty without attention or without an occluder.
    """

    state: State
    face: Face
    picture: Picture
    classes: tuple[str, ...]
    clean: Answer
    before: Answer
    after: Answer
    target: int
    attention: MapPair
    on_covered: list[OnCovered]
    against: int | None
    second: int

    @property
    def explained(self) -> str:
        """What maps are of: "happy", or "happy rather than surprise"."""
        return rather(*(self.classes[k] for k in (self.target, self.against) if k is not None))


class Session:
    """Answers states, one after another, from one thread at a time.

    What was computed is kept (the pieces used last, up to a limit), by what it was computed from: a
    picture's pixels, the model, the method. Pictures that a user brought are this session's alone
    and go with it.
    """

    def __init__(self, offer: Offer):
        self.offer = offer
        self.uploads: OrderedDict[int, Upload] = OrderedDict()
        self._uploaded = 0
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def upload(self, name: str, content: bytes) -> tuple[int, Upload]:
        """Takes a picture; returns the number that a state names it by.

        Raises:
            InputError: see `read_upload`; the session is as it was.
        """
        return self.take(read_upload(name, content))

    def take(self, upload: Upload) -> tuple[int, Upload]:
        """As `upload`, of a picture that was read already."""
        number = self._uploaded
        self._uploaded += 1
        self.uploads[number] = upload
        if len(self.uploads) > MOST_UPLOADS:
            self.uploads.popitem(last=False)
        return number, upload

    def look(self, state: State) -> Iterator[Seen | MapPair | Together]:
        """First what is seen, then a pair of maps per method, then how regions work together, where
        that is asked; each computed when it is asked for.

        Raises:
            InputError: anything in the state that is not offered or can't be had.
        """
        model = self.offer.model(state.model)
        face = self.face(state, picture_size(model))
        seen = self._seen(state, model, face)
        yield seen
        for method in state.methods:
            yield self._maps(state, model, seen, method)
        if state.together:
            yield self._together(state, model, seen)

    def face(self, state: State, size: int) -> Face:
        """Raises InputError for a face or an upload that is not there."""
        if state.source != UPLOAD:
            gallery = self.offer.gallery(state.source)
            return self._once(("face", state.source, state.face), lambda: gallery.face(state.face))
        if state.face not in self.uploads:
            raise InputError("this picture is no longer there; choose the file again")
        upload = self.uploads[state.face]
        return self._once(("face", state.face, state.crop, size, UPLOAD),
                          lambda: upload.face(state.crop, size))

    def _seen(self, state: State, model, face: Face) -> Seen:
        picture = self._picture(state, face)
        clean, before, after = (
            self._once(("answer", state.model, digest(x)), lambda x=x: ask(model, x))
            for x in (picture.clean, picture.reference, picture.shown)
        )
        size = face.dataset.size
        told = MapPair("attention", None, None, reason="has no attention of its own")
        if clean.attention:
            pair = (attention_map(one, state.layer, size) for one in (before, after))
            told = MapPair("attention", *pair)
        covered = picture.mask.any() and clean.attention
        shares = on_covered(picture, before, after) if covered else []
        target = clean.prediction if state.target is None else state.target
        for number in (target, state.against):
            if isinstance(number, int) and not 0 <= number < len(model.classes):
                raise InputError(f"there is no class {number}; the model has {len(model.classes)}")
        asked = clean.probabilities[None], torch.tensor([target])
        against = None if state.against is None else int(rival_of(*asked, state.against))
        return Seen(state, face, picture, model.classes, clean, before, after, target, told, shares,
                    against, int(runner_up(*asked)))

    def _picture(self, state: State, face: Face) -> Picture:
        condition, size = state.condition, face.dataset.size
        whose = state.source, state.face, state.crop, size
        turn = condition.yaw_deg, condition.pitch_deg, condition.roll_deg
        posed = self._once(("posed", whose, turn), lambda: pose(face.dataset, face.part, condition))
        cover = condition, state.drawn, state.moved, state.seed
        return self._once(("picture", whose, cover), lambda: make_picture(face, state, posed))

    def _maps(self, state: State, model, seen: Seen, method: str) -> MapPair:
        def one(x: Tensor):
            key = "map", state.model, method, seen.target, seen.against, digest(x)
            return self._once(
                key, lambda: method_map(model, x, seen.target, method, seen.against))

        after = one(seen.picture.shown)
        if after.values is None:
            return MapPair(method, None, None, after.signed, after.reason)
        before = one(seen.picture.reference).values if state.compared else None
        pair = (None if v is None else torch.from_numpy(v) for v in (before, after.values))
        return MapPair(method, *pair, after.signed)

    def _together(self, state: State, model, seen: Seen) -> Together:
        x = seen.picture.shown
        key = "together", state.model, seen.target, seen.against, digest(x)
        return self._once(key, lambda: Together(shapley_interactions(
            model, x, seen.target, "face", against=seen.against).pairs[0]))

    def _once(self, key: Hashable, make: Callable):
        """What was made for this key, or is made now."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = self._kept[key] = make()
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return made


def digest(x: Tensor) -> bytes:
    """What a picture's pixels are known by."""
    return sha256(x.numpy().tobytes()).digest()
