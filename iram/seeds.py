"""Seeds and generators derived from names, so that no result depends on order or batch."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

import torch


def derived_seed(*parts) -> int:
    """A 63-bit seed that depends on every part."""
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:8], "big") >> 1


def generators(seed: int, purpose: str, image_ids: Iterable[str]) -> Iterator[torch.Generator]:
    """One CPU generator per image, known by (seed, purpose, image id) alone.

    Made as they are asked for: many an occluder or fill leaves nothing to chance.
    """
    for image_id in image_ids:
        yield torch.Generator().manual_seed(derived_seed(seed, purpose, str(image_id)))
