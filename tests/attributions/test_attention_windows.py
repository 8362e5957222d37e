"""Attention within windows: put back in its places, read and replaced."""

import pytest
import torch

from analysis.subjects.attention import Patches, read_map, write_map
from analysis.subjects.windows import Windows, check_windows
from iram.errors import InputError


def by_hand(grid: int, side: int, shift: int, heads: int = 2, count: int = 3):
    """(what a layer puts out, the map that it must be read as), one query and key at a time."""
    padded = -(-grid // side) * side
    windows = padded // side
    draws = torch.Generator().manual_seed(grid + shift)
    output = torch.zeros(count * windows**2, heads, side**2, side**2)
    got = torch.zeros(count, heads, padded, padded)
    queries = torch.zeros(count * windows**2)

    def origin(window: int, place: int) -> tuple[int, int]:
        """Where a window's patch was before the grid was rolled."""
        row, column = divmod(window, windows)
        down, right = divmod(place, side)
        return (row * side + down + shift) % padded, (column * side + right + shift) % padded

    def part(row: int, column: int) -> tuple[bool, bool]:
        return row < shift, column < shift

    for number in range(len(output)):
        window = number % windows**2
        places = [origin(window, place) for place in range(side**2)]
        for query, at in enumerate(places):
            for key, there in enumerate(places):
                if part(*at) == part(*there):
                    output[number, :, query, key] = torch.rand(heads, generator=draws) + 0.1
        output[number] /= output[number].sum(2, keepdim=True)
        real = [max(at) < grid for at in places]
        queries[number] = sum(real)
        for query in range(side**2):
            for key, (row, column) in enumerate(places):
                if real[query]:
                    share = output[number, :, query, key] / sum(real)
                    got[number // windows**2, :, row, column] += share
    return output, got[:, :, :grid, :grid]


CUTS = [(4, 2, 0), (4, 2, 1), (6, 3, 1), (6, 3, 2), (5, 3, 0), (5, 3, 1), (7, 4, 2), (3, 3, 0)]


@pytest.mark.parametrize(("grid", "side", "shift"), CUTS)
def test_each_patch_gets_the_mean_share_of_its_windows_queries(grid, side, shift):
    output, expected = by_hand(grid, side, shift)
    found = read_map(output, "attn", "windows", Patches(1, grid, shift))
    torch.testing.assert_close(found, expected)


def test_two_windows_by_hand():
    """A grid of 4 x 4 in windows of 2 x 2, rolled by 1: the last window holds the four corners,
    each of which can but look at itself."""
    output = torch.full((4, 1, 4, 4), 0.25)
    output[3, 0] = torch.eye(4)
    output[0, 0, :, :] = torch.tensor([1.0, 0, 0, 0])  # rows and columns 1 and 2: all at (1, 1)
    found = read_map(output, "attn", "windows", Patches(1, 4, 1))[0, 0]
    expected = torch.full((4, 4), 0.25)
    expected[1:3, 1:3] = torch.tensor([[1.0, 0], [0, 0]])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("grid", "side", "shift"), CUTS)
def test_even_attention_is_the_same_everywhere_and_windows_sum_to_the_same(grid, side, shift):
    output, found = by_hand(grid, side, shift)
    even = (output > 0).float()
    even /= even.sum(3, keepdim=True)
    read = read_map(even, "attn", "windows", Patches(1, grid, shift))
    if grid % side == 0:
        torch.testing.assert_close(read, torch.full_like(read, 1 / side**2))
        total = torch.full_like(found.sum((2, 3)), (grid / side) ** 2)
        torch.testing.assert_close(found.sum((2, 3)), total)


@pytest.mark.parametrize(("grid", "side", "shift"), CUTS)
def test_what_is_cut_and_joined_is_the_same(grid, side, shift):
    cut = Windows(grid, side, shift)
    patches = torch.rand(2, 3, cut.padded, cut.padded)
    torch.testing.assert_close(cut.joined(cut.cut(patches)), patches[:, :, :grid, :grid])


@pytest.mark.parametrize(("grid", "side", "shift"), CUTS)
def test_its_own_map_put_back_changes_nothing_and_another_moves_shares_within_windows(
    grid, side, shift
):
    output, own = by_hand(grid, side, shift)
    at = Patches(1, grid, shift)
    torch.testing.assert_close(write_map(output, own, own, "attn", "windows", at), output)
    slope = torch.linspace(0.2, 1.8, grid).expand_as(own)
    written = write_map(output, own, own * slope, "attn", "windows", at)
    torch.testing.assert_close(written.sum(3), torch.ones_like(written.sum(3)))
    assert not written[output == 0].any()
    ratio = written[0] / output[0]
    queries = ratio / ratio[:, :, :1]  # of two keys: by the ratio of the slope at their places
    places = torch.nn.functional.pad(slope, 2 * (0, Windows(grid, side, shift).padded - grid),
                                     value=1.0)
    factors = Windows(grid, side, shift).cut(places)[0]
    expected = (factors / factors[:, :1])[:, None].expand_as(queries)
    kept = output[0] > 0
    torch.testing.assert_close(queries[kept & kept[:, :, :1]], expected[kept & kept[:, :, :1]])


@pytest.mark.parametrize(("grid", "side", "shift"), [cut for cut in CUTS if cut[0] > cut[1]])
def test_another_shift_than_that_of_the_masks_is_told(grid, side, shift):
    output, _ = by_hand(grid, side, shift)
    check_windows(output, grid, shift, (grid, grid))
    other = 0 if shift else 1
    with pytest.raises(InputError, match=f"as by shift = {shift}" if shift else "nowhere"):
        check_windows(output, grid, other)
    with pytest.raises(InputError, match=f"block around it has {grid + 1} x {grid + 1}"):
        check_windows(output, grid, shift, (grid + 1, grid + 1))


@pytest.mark.parametrize(("shape", "grid", "shift", "told"), [
    ((8, 2, 6, 6), 4, 0, "windows of 6 patches are no squares"),
    ((8, 2, 4, 4), 6, 0, "grid = 6 makes 9 windows"),
    ((8, 2, 4, 4), 4, 2, "less than the 2 patches"),
])
def test_windows_that_make_up_no_such_grid_are_told(shape, grid, shift, told):
    with pytest.raises(InputError, match=f"attention layer 'attn': .*{told}"):
        read_map(torch.rand(shape), "attn", "windows", Patches(1, grid, shift))
