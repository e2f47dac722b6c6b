"""Tokens: what the released program writes stands for layers; what breaks the layout says so."""

from __future__ import annotations

import pytest

from kit.spaces.amber.tokens import (
    OPERATIONS,
    boundaries,
    from_tokens,
    reductions,
    stage,
    to_tokens,
    token_count,
)
from tests.spaces.amber.values import VALUES, tokens_of


@pytest.mark.parametrize("name", VALUES["tokens"])
def test_there_and_back(name: str) -> None:
    tokens = tokens_of(name)
    layers = from_tokens(tokens)
    assert len(layers) == 12
    assert to_tokens(layers) == tokens


def test_every_token_has_its_meaning() -> None:
    for number, name in enumerate(OPERATIONS):
        assert from_tokens([number]) == [(name, ())]
    assert from_tokens([6, 0, 1, 4, 0, 1]) == [
        ("identity", ()),
        ("conv-8", (0,)),
        ("max-pool", (1,)),
    ]


BAD = {
    "none": ([], "0 tokens are no architecture: 1 layers have 1 tokens, 2 have 3"),
    "two": ([0, 1], "2 tokens"),
    "one too few": ([0] * 77, "77 tokens are no architecture: 11 layers have 66 tokens, 12 have"),
    "one too many": ([0] * 79, "79 tokens .*: 12 layers have 78 tokens, 13 have 91"),
    "a seventh operation": (
        [0, 7, 0],
        "token 2, the operation of layer 1, is one of 0 to 6, not 7",
    ),
    "a negative one": ([-1], "token 1, the operation of layer 0, .* not -1"),
    "no bit": ([0, 1, 0, 1, 0, 2], "token 6, whether layer 2 adds layer 1, is 0 or 1, not 2"),
    "a negative bit": ([0, 1, -1], "token 3, whether layer 1 adds layer 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_the_layout(name: str) -> None:
    tokens, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        from_tokens(tokens)


@pytest.mark.parametrize(
    ("layers", "ends"),
    [
        (1, ()),
        (2, (0,)),
        (3, (0, 1)),
        (4, (0, 1, 2)),
        (8, (1, 3, 5)),
        (12, (2, 5, 8)),
        (13, (2, 5, 8)),
    ],
)
def test_channels_double_three_times(layers: int, ends: tuple[int, ...]) -> None:
    assert boundaries(layers) == ends
    stages = [stage(number, layers) for number in range(layers)]
    assert stages == sorted(stages)
    assert stages[-1] == len(ends)
    assert token_count(layers) == sum(range(1, layers + 1))


def test_an_output_passes_through_each_boundary_once() -> None:
    chain = [("identity", ())] * 12
    assert reductions(chain) == [(2, 1), (5, 2), (8, 3)]
    # Layers 10 and 11 add layer 0, three boundaries away; layer 3 adds layer 2, its own input.
    layers = [*chain[:3], ("identity", (2,)), *chain[4:10], ("identity", (0,)), ("identity", (0,))]
    assert reductions(layers) == [(0, 1), (2, 1), (0, 2), (5, 2), (0, 3), (8, 3)]
    everything = from_tokens(tokens_of("all_conv8_allskip"))
    assert len(reductions(everything)) == 3 + 6 + 9
