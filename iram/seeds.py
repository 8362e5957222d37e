"""Seeds and generators derived from names, so that no result depends on order or batch."""

import contextlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from threading import RLock

import numpy as np
import torch

_GLOBAL = RLock()  # the global generators are the same for all threads


def derived_seed(*parts) -> int:
    """A 63-bit seed that depends on every part."""
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def generators(seed: int, purpose: str, image_ids: Iterable[str]) -> Iterator[torch.Generator]:
    """One CPU generator per image, known by (seed, purpose, image id) alone.

    Made as they are asked for: many an occluder or fill leaves nothing to chance.
    """
    for image_id in image_ids:
        yield torch.Generator().manual_seed(derived_seed(seed, purpose, str(image_id)))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's and NumPy's global generators, for code that draws from them, and restores
    both. Other threads wait for their turn, since their draws would come in between."""
    with _GLOBAL, torch.random.fork_rng():
        state = np.random.get_state()  # noqa: NPY002
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002
