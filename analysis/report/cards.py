"""The cards of the shipped nets, as a page of them needs them."""

from analysis.figures.names import DATASETS, model_titles
from iram.data.copies import ALL_FACES
from iram.data.fer2013 import LICENCE as FER2013
from iram.data.ferplus import LICENCE as FERPLUS

LICENCES = {"fer2013": FER2013, "ferplus": FERPLUS,
            "heads": "rendered by code of this project, MIT: they show nobody"}


def cards() -> list[dict]:
    """The card of each shipped net, by data set and name, with `title`, `data_title`, `licence` (of
    what it was trained on), `split` (its test split) and `test`: {faces: {accuracy, low, high, n}}
    on that, single view, of all faces and, where the card tells, without copies of training faces
    and without near copies."""
    from iram.evaluate import single_views
    from iram.training.train_grid import WITHOUT_COPIES
    from iram.weights import pretrained

    found, titles = [], model_titles(pretrained())
    for name, card in pretrained().items():
        [*_, (split, result)] = single_views(card["accuracy"]).items()
        start, without = f"{split}, ", card.get(WITHOUT_COPIES, {})
        others = {told.removeprefix(start): one for told, one in without.items()
                  if told.startswith(start)}
        data = card["data"]["name"]
        found.append({**card, "title": titles[name], "data_title": DATASETS[data],
                      "licence": LICENCES[data], "split": split,
                      "test": {ALL_FACES: result, **others}})
    return sorted(found, key=lambda card: (card["data"]["name"], card["name"]))
