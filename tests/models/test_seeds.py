"""Draws belong to what they are for, whatever else draws at the same time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from iram.seeds import derived_seed, generators, seeded


def draws(seed: int) -> list[float]:
    with seeded(seed):
        return [value for _ in range(200) for value in (torch.rand(()).item(), np.random.rand())]  # noqa: NPY002


def test_threads_that_draw_at_the_same_time_get_their_own_draws():
    alone = [draws(seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(draws, range(16))) == alone
    assert len({tuple(one) for one in alone}) == 16


def test_the_global_generators_are_left_as_they_were_and_may_be_seeded_inside():
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = torch.rand(2).tolist(), np.random.rand(2).tolist()  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    with seeded(1):
        outer = torch.rand(())
        with seeded(2):
            torch.rand(5)
    assert (torch.rand(2).tolist(), np.random.rand(2).tolist()) == expected  # noqa: NPY002
    with seeded(1):
        assert torch.rand(()) == outer


def test_a_generator_is_known_by_seed_purpose_and_image():
    first, again, other = (
        torch.rand(3, generator=next(generators(seed, "noise", ["a"]))) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert derived_seed(1, "a") == derived_seed(1, "a") != derived_seed("1", "a")
