"""Architectures as data: the authors' form, and values that are none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from matplotlib.figure import Figure

from kit.spaces.densenas.blocks import Block, Blocks, parse, text
from tests.spaces.densenas.originals import VALUES

KIND = Blocks()
CHAIN = [Block(32, 64, 2, 0), Block(64, 112, 1, 2)]
VALUE = [block.entry for block in CHAIN]
FORM = (
    "[[32, 64], 'basic_block', [], 0, 2]|"
    "[[64, 112], 'basic_block', ['basic_block', 'basic_block'], 2, 1]"
)


@pytest.mark.parametrize("case", VALUES["networks"], ids=lambda case: case["task"])
def test_the_originals_are_read_and_written(case: dict[str, Any]) -> None:
    value = KIND.read(case["text"])
    KIND.check(value)
    assert text(value) == case["text"]


@pytest.mark.parametrize(
    "form",
    [
        FORM,
        FORM.replace("|", " |\n  ") + "\n",
        f'  #net_config: "{FORM.replace("|", "|" + chr(10) + "  #")} "\n',
        f'net_config: " {FORM}"',
        json.dumps(VALUE),
        json.dumps(VALUE, indent=1),
        KIND.describe(VALUE, None, None),
    ],
)
def test_forms(form: str) -> None:
    value = KIND.read(form)
    assert parse(value) == CHAIN
    assert text(value) == FORM
    assert KIND.setting(value, None) == VALUE


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("", "block 1 is no"),
        ("nothing", "block 1 is no [[inputs, outputs]"),
        (FORM.replace("|", "||"), "block 2 is no"),
        (FORM + "|", "block 3 is no"),
        ("[[[1", "the text is no"),
        ("[" * 100_000, "the text is no"),
        (f'net_config: "{FORM}"\nnet_config: "{FORM}"', "it holds 2 architectures"),
    ],
)
def test_text_that_is_none(form: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        KIND.read(form)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "found", "said"),
    [
        (0, [64], "block 2: [inputs, outputs] is needed, not [64]"),
        (0, [48, 112], "block 2: it takes 48 channels, and block 1 has 64"),
        (0, [64, 0], "block 2: outputs are a whole number from 1 to 9999, not 0"),
        (0, [64, True], "block 2: outputs are a whole number from 1 to 9999, not true"),
        (0, [64, "112"], 'block 2: outputs are a whole number from 1 to 9999, not "112"'),
        (0, "64\n112", r"block 2: [inputs, outputs] is needed, not 64\n112"),
        (1, "mbconv", "block 2: the operations are 'basic_block', not mbconv"),
        (2, ["basic_block", "skip_connect"], "'basic_block', not skip_connect"),
        (2, 2, "block 2: a list of operations is needed, not 2"),
        (3, 1, "block 2: it has 2 operations in its stack, not 1"),
        (3, "2", 'block 2: it has 2 operations in its stack, not "2"'),
        (3, 2.0, "block 2: it has 2 operations in its stack, not 2.0"),
        (4, 3, "block 2: the stride is 1 or 2, not 3"),
        (4, "2", "block 2: the stride is 1 or 2, not 2"),
    ],
)
def test_values_that_are_none(place: int, found: Any, said: str) -> None:
    value = json.loads(json.dumps(VALUE))
    value[1][place] = found
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        KIND.check(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, {}, [], 5, [[]], [5], "text"])
def test_other_json(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no (list of blocks )?\[\[inputs"):
        KIND.check(value)


def test_likeness() -> None:
    assert KIND.likeness(VALUE, VALUE) == 1
    assert KIND.likeness(VALUE, VALUE[:1]) == 0.5
    assert KIND.likeness(VALUE, [Block(32, 64, 1, 0).entry]) == 0


def test_drawings_show_every_layer() -> None:
    axes = Figure().subplots()
    KIND.draw(axes, VALUE, None, None)
    assert [bar.get_extents().height for bar in axes.patches][1:] == pytest.approx(
        [axes.patches[1].get_extents().height] * 3
    )
    assert axes.get_ylim()[1] >= 112
    sketch = KIND.sketch(VALUE)
    assert sketch is not None
    assert sketch[0].count("<rect") == 2
    assert sketch[0].count("<circle") == 2
    assert KIND.sketch([Block(1, 1, 1, 99).entry]) is None
