"""Split names: one table for every reader and for --split."""

import re

ROLES = ("train", "validation", "test")
ROLE_OF_WORD = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel", "development",
                     "publictest"), "validation"),
    **dict.fromkeys(("test", "tests", "testing", "eval", "evaluation", "holdout", "privatetest"),
                    "test"),
}
NOISE = re.compile(r"[\W_]+")
ENDING = re.compile(r"(set|data|images|faces|split)$")  # train_set, test-images


def role_of(name: str) -> str | None:
    """The role (train, validation or test) that a split or its folder is named for; None if it is
    no split's name. Case, FER2013's name before it and an ending such as `_set` don't matter."""
    word = NOISE.sub("", str(name).lower()).removeprefix("fer2013")
    return ROLE_OF_WORD.get(word) or ROLE_OF_WORD.get(ENDING.sub("", word))
