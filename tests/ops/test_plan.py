from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kit.ops.plan import candidates, extent, good_length, live_taps, reach, transform_length

SETS = st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(tuple)


def test_default_sets_have_the_extents_of_the_paper() -> None:
    assert extent((3, 5, 7, 9), (1, 3, 7, 15)) == 121
    assert extent((3, 7, 11, 15, 19), (1, 3, 7, 15)) == 271


def test_lengths_are_half_of_the_released_padding() -> None:
    assert transform_length(32, (3, 5, 7, 9), (1, 3, 7, 15)) == 64
    assert transform_length(8, (3, 5, 7, 9), (1, 3, 7, 15)) == 16
    assert transform_length(128, (3, 5, 7, 9), (1, 3, 7, 15)) == 192
    assert transform_length(1, (3,), (1,)) == 2


@given(kernel_sizes=SETS, dilations=SETS)
def test_candidates_are_kernel_major_and_odd_ones_centred(
    kernel_sizes: tuple[int, ...], dilations: tuple[int, ...]
) -> None:
    found = candidates(kernel_sizes, dilations)
    assert [(c.kernel_size, c.dilation) for c in found] == [
        (k, d) for k in kernel_sizes for d in dilations
    ]
    odd = extent(kernel_sizes, dilations) % 2 == 1
    for candidate in found:
        left, right = candidate.padding
        assert 0 <= left - right <= 1 if odd else 0 <= right - left <= 1


@given(kernel_sizes=SETS, dilations=SETS, n=st.integers(1, 50))
def test_live_taps_are_those_that_reach_data(
    kernel_sizes: tuple[int, ...], dilations: tuple[int, ...], n: int
) -> None:
    for candidate in candidates(kernel_sizes, dilations):
        live = [j for j, offset in enumerate(candidate.offsets) if abs(offset) < n]
        assert list(live_taps(candidate, n)) == live
    assert reach(n, kernel_sizes, dilations) <= n - 1


@given(minimum=st.integers(1, 5000))
def test_good_lengths_are_even_and_smooth(minimum: int) -> None:
    length = good_length(minimum)
    assert length >= minimum
    assert length % 2 == 0
    for prime in (2, 3, 5):
        while length % prime == 0:
            length //= prime
    assert length == 1
