"""Copies in a data set: which faces stand in it more than once, in which splits and as what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from iram.data.alike import KINDS, NEAR, VERSION, near_pairs, pictures
from iram.data.cache import Decoded, cached
from iram.data.dataset import ROLES, FaceDataset

SHIPPED = Path(__file__).with_name("fer2013_copies.csv")
LISTED = ["image_id", "split", "label", "kind", "correlation", "of_image_id", "of_split",
          "of_label", "other_label"]  # what the list of copies says of each
ALL_FACES = "all"
WITHOUT = {"without copies": KINDS[:1], "without near copies": KINDS}  # of training faces


@dataclass(frozen=True)
class Copies:
    """The copies among the faces of a whole data set.

    Attributes:
        first: (N,) the place of the first face with the same pixels, its own if there is none.
        pairs: near and mirrored copies among first places: `a` < `b`, `kind`, `correlation`.
        dataset: the whole data set; faces without a label are no one's copies.
    """

    first: np.ndarray
    pairs: pd.DataFrame
    dataset: FaceDataset

    def of(self, roles: Iterable[str]) -> np.ndarray:
        """(N,) what each face is of other faces in these splits (train, validation, test).

        "exact" if one has the same pixels, else "near", else "mirrored", else "".
        """
        wanted = self.dataset.metadata["split"].isin(list(roles)).to_numpy() & self._labelled()
        count = np.bincount(self.first[wanted], minlength=len(self.first))
        kinds = np.full(len(self.first), "", dtype=object)
        links = self._links()
        links = links[count[links["of"]] > 0]
        for kind in reversed(KINDS[1:]):
            at_first = np.zeros(len(kinds), dtype=bool)
            at_first[links["face"][links["kind"] == kind]] = True
            kinds[at_first[self.first]] = kind
        kinds[count[self.first] - wanted > 0] = "exact"
        return kinds

    def photographs(self) -> np.ndarray:
        """(N,) the same number for all faces that are copies of each other, directly or by others.

        What a bootstrap over faces draws together.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count = len(self.first)
        a, b = self.pairs["a"].to_numpy(), self.pairs["b"].to_numpy()
        graph = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(count, count))
        return connected_components(graph, directed=False)[1][self.first]

    def listed(self) -> pd.DataFrame:
        """One row for each face and each split in which an earlier face is its copy.

        Earlier is what comes before it in the order train, validation, test, and within a split
        in the order of the source; so in its own split a face is listed if it repeats another.

        Returns:
            `image_id`, `split`, `label` of the face (the set's own name of the split); `kind`
            (the first that fits of exact, near, mirrored) and `correlation`; the same of the first
            face, or of the most alike one, that it is a copy of (`of_...`); `other_label`: True if
            any of its copies of this kind in that split has another label. `place` and `of_place`
            are places in the whole data set.
        """
        faces = self._faces()
        groups = faces.groupby(["first", "usage"], sort=False)
        there = groups.agg(of_place=("place", "first"), of_order=("order", "first"),
                           labels=("label", "nunique"), one=("label", "first")).reset_index()
        there = there.rename(columns={"first": "of", "usage": "of_usage"})
        links = self._links(with_exact=True).merge(there, on="of")
        found = faces.rename(columns={"first": "face"}).merge(links, on="face")
        found = found[found["of_order"] < found["order"]]
        found["other_label"] = (found["labels"] > 1) | (found["one"] != found["label"])
        found["rank"] = found["kind"].map(KINDS.index)
        pair = ["order", "of_usage"]
        found = found[found["rank"] == found.groupby(pair)["rank"].transform("min")]
        found["other_label"] = found.groupby(pair)["other_label"].transform("any")
        found = found.sort_values([*pair, "correlation", "of_order"],
                                  ascending=[True, True, False, True]).drop_duplicates(pair)
        return self._named(found)

    def counts(self, listed: pd.DataFrame | None = None) -> pd.DataFrame:
        """Faces that are copies: `split`, `of_split`, `kind`, `faces`, `other_label`.

        Within one split, how many repeat an earlier face. `other_label`: how many have a copy of
        this kind there with another label.
        """
        listed = self.listed() if listed is None else listed
        keys = ["split", "of_split", "kind"]
        grouped = listed.groupby(keys, sort=False, as_index=False)
        table = grouped.agg(faces=("other_label", "size"), other_label=("other_label", "sum"))
        order = {name: at for at, name in enumerate([*self._usages(), *KINDS])}
        return table.sort_values(keys, key=lambda names: names.map(order), ignore_index=True)

    def groups(self) -> tuple[int, int]:
        """How many pictures stand more than once, pixel for pixel, and how many of them with
        different labels."""
        faces = self._faces().groupby("first")["label"]
        several = faces.size() > 1
        return int(several.sum()), int((several & (faces.nunique() > 1)).sum())

    def _labelled(self) -> np.ndarray:
        return self.dataset._labels >= 0

    def _links(self, with_exact: bool = False) -> pd.DataFrame:
        """First places and what each is a copy of, both ways: `face`, `of`, `kind`..."""
        there = self.pairs.rename(columns={"a": "face", "b": "of"})
        back = self.pairs.rename(columns={"b": "face", "a": "of"})
        parts = [there, back]
        if with_exact:
            own = np.unique(self.first)
            parts.append(pd.DataFrame({"face": own, "of": own, "kind": KINDS[0],
                                       "correlation": np.float32(1)}))
        return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)

    def _faces(self) -> pd.DataFrame:
        """The faces that have a label, in the order train, validation, test."""
        metadata = self.dataset.metadata
        faces = pd.DataFrame({
            "place": np.arange(len(self.first)), "first": self.first,
            "usage": metadata["usage"].to_numpy(), "label": self.dataset._labels,
            "role": metadata["split"].map(ROLES.index).to_numpy(),
        })[self._labelled()].sort_values(["role", "place"], ignore_index=True)
        return faces.assign(order=np.arange(len(faces)))

    def _usages(self) -> list[str]:
        return list(dict.fromkeys(self._faces()["usage"]))

    def _named(self, found: pd.DataFrame) -> pd.DataFrame:
        ids = self.dataset.metadata["image_id"].to_numpy()
        classes, labels = np.array(self.dataset.classes, dtype=object), self.dataset._labels
        place, of_place = found["place"].to_numpy(), found["of_place"].to_numpy()
        return pd.DataFrame({
            "image_id": ids[place], "split": found["usage"].to_numpy(),
            "label": classes[labels[place]], "kind": found["kind"].to_numpy(),
            "correlation": found["correlation"].to_numpy(), "of_image_id": ids[of_place],
            "of_split": found["of_usage"].to_numpy(), "of_label": classes[labels[of_place]],
            "other_label": found["other_label"].to_numpy(bool), "place": place,
            "of_place": of_place,
        })


def copied_kinds(dataset: FaceDataset) -> np.ndarray:
    """(N,) what each face outside training is of a training face (`FaceDataset.copies_of`)."""
    training = dataset.metadata["split"].to_numpy() == "train"
    return np.where(training, "", dataset.copies_of("train"))


def copied_labels(dataset: FaceDataset) -> np.ndarray:
    """(N,) the label, as a place in `classes`, of the training face that each face outside training
    is a copy of (`Copies.listed`: the most alike), -1 of none."""
    copies = find_copies(dataset)
    listed, split = copies.listed(), dataset.whole.metadata["split"].to_numpy()
    listed = listed[split[listed["of_place"]] == "train"]
    labels = np.full(len(split), -1)
    labels[listed["place"]] = dataset.whole._labels[listed["of_place"]]
    return np.where(dataset.metadata["split"] == "train", -1, labels[dataset.places])


def face_groups(kinds: np.ndarray) -> dict[str, np.ndarray]:
    """What results are of: "all", "without copies" and "without near copies", with the places of
    the faces in each.

    Without copies: faces that are no exact copy of a training face; without near copies: no near or
    mirrored one either. A group that is empty, or leaves out no more than the one before it, is
    not among them.

    Args:
        kinds: (N,) see `copied_kinds`.
    """
    groups = {ALL_FACES: np.arange(len(kinds))}
    for name, left_out in WITHOUT.items():
        places = np.flatnonzero(~np.isin(kinds.astype(str), left_out))
        if 0 < len(places) < len(list(groups.values())[-1]):
            groups[name] = places
    return groups


def find_copies(dataset: FaceDataset, shown: bool = False) -> Copies:
    """The copies in the whole data set that these faces are of.

    What FER2013's own pictures hold ships with the package; else they are searched once (some
    5 s for 34,000 pictures on one core) and kept in the cache. Faces that are rendered, each
    from a seed of its own, are not searched: they have none.

    Args:
        shown: show a progress bar.
    """
    whole = dataset.whole
    if whole.found_copies is None:
        whole.found_copies = _found(whole, shown)
    return whole.found_copies


def search(dataset: FaceDataset, shown: bool = False) -> Copies:
    """As `find_copies`, but always searched, rendered faces too."""
    whole = dataset.whole
    first, _ = pictures(whole)
    return Copies(first, _near(whole, first, shown), whole)


def _found(whole: FaceDataset, shown: bool) -> Copies:
    if whole.renders:
        return Copies(np.arange(len(whole)), near_pairs(whole, np.zeros(0, int), _roles(whole)),
                      whole)
    first, hashes = pictures(whole)
    known_by = _known_by(whole, hashes)
    if known_by == _shipped_for():
        pairs = shipped()
        return Copies(first, pairs[pairs["kind"] != "exact"], whole)
    decoded = cached(
        "copies", known_by, lambda: Decoded(NO_PICTURES, _near(whole, first, shown)),
        near=NEAR, version=VERSION,
    )
    return Copies(first, decoded.frame, whole)


NO_PICTURES = np.zeros((0, 1, 1), dtype=np.uint8)


def _near(whole: FaceDataset, first: np.ndarray, shown: bool) -> pd.DataFrame:
    different = np.flatnonzero(first == np.arange(len(first)))
    return near_pairs(whole, different, _roles(whole), shown)


def _roles(whole: FaceDataset) -> np.ndarray:
    return whole.metadata["split"].map(ROLES.index).to_numpy(np.int8)


def _known_by(whole: FaceDataset, hashes: np.ndarray) -> str:
    return hashlib.sha256(hashes.tobytes() + _roles(whole).tobytes()).hexdigest()


def _shipped_for() -> str:
    """What the pictures and splits are known by whose copies ship."""
    with open(SHIPPED, encoding="utf-8") as file:
        return file.readline().rpartition(" ")[2].strip()


def shipped() -> pd.DataFrame:
    """FER2013's copies as they ship: `a` < `b` (0-based rows of the CSV), `kind`, `correlation`.

    Exact ones are paired with the first row that has the same pixels.
    """
    return pd.read_csv(SHIPPED, comment="#").astype({"correlation": np.float32})


def to_ship(dataset: FaceDataset) -> str:
    """The text of the file that ships, from a search; the places of faces are its rows."""
    first, hashes = pictures(dataset)
    again = np.flatnonzero(first != np.arange(len(first)))
    exact = pd.DataFrame({"a": first[again], "b": again, "kind": KINDS[0], "correlation": 1.0})
    pairs = pd.concat([exact, _near(dataset, first, shown=False)]).sort_values(["a", "b"])
    head = "# copies in FER2013, by iram.data.copies.to_ship; known by "
    table = pairs.round(3).to_csv(index=False, lineterminator="\n")
    return f"{head}{_known_by(dataset, hashes)}\n{table}"
