"""The kind ``layers``: every form that is read, every mistake, what is drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest
from matplotlib.figure import Figure

from kit.architecture import load
from kit.errors import KitError
from kit.spaces.amber import Layers
from tests.spaces.amber.values import tokens_of

KIND = Layers()
VALUE = [["conv-4", []], ["max-pool", [0]], ["identity", []]]
TOKENS = [1, 4, 1, 6, 0, 0]
HISTORY = """0,"[0, 0.5]",0.5,0,0,0,0,0,0
1,"[0, 0.8]",0.8,1,4,1,6,0,0

2,"[0, nan]",nan,2,0,0,0,0,0
3,"[0, 0.8]",0.8,3,0,0,0,0,0
"""


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(VALUE),
        json.dumps(TOKENS),
        json.dumps({"kind": "layers", "version": 1, "value": VALUE}),
        ",".join(map(str, TOKENS)),
        " ".join(map(str, TOKENS)) + "\n",
        HISTORY,
    ],
)
def test_every_form_is_read(text: str, tmp_path: Any) -> None:
    file = tmp_path / "found.txt"
    file.write_text(text)
    assert load(file, KIND) == VALUE


BAD = {
    "nothing": ("", "truncated"),
    "words": ("conv pool", "malformed"),
    "no layers": ("[]", "no list of"),
    "a table": ("3.5", "no list of"),
    "too few tokens": ("1 2 3 4", "4 tokens are no architecture"),
    "too few in a list": ("[1, 2]", "2 tokens are no architecture"),
    "no such operation": ("9", "token 1, the operation of layer 0"),
    "a short layer": ('[["conv-8"]]', "layer 0 is no"),
    "an unknown name": ('[["conv-9", []]]', 'layer 0: the operation is one of .* not "conv-9"'),
    "a number": ("[[3, []]]", "layer 0: the operation is one of .* not 3"),
    "no list of skips": ('[["conv-8", 0]]', "layer 0: no list of earlier layers: 0"),
    "nothing before": ('[["conv-8", [0]]]', "layer 0: nothing is before, not 0"),
    "itself": ('[["conv-8", []], ["conv-8", [1]]]', "layer 1: it can add layers 0 to 0, not 1"),
    "a truth": ('[["conv-8", []], ["conv-8", [true]]]', "layer 1: .* not true"),
    "twice": ('[["conv-8", []], ["conv-8", [0, 0]]]', "layer 1: earlier layers ascend, each once"),
    "too many": (json.dumps([["identity", []]] * 1000), "1000 layers; 999 are the most"),
    "half a history": ('0,"[0, 1]",0.5,1\n1,"[0, 1]"\n', "line 2 is none of a history"),
    "a history of words": ('0,"[0, 1]",high,1\n', "line 1 is none of a history"),
    "no reward": ('0,"[0, nan]",nan,1\n', "no line of the history has a reward"),
    "a history of another layout": ('0,"[0, 1]",0.5,1,2\n', "2 tokens are no architecture"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_one_line_with_the_file(name: str, tmp_path: Any) -> None:
    text, words = BAD[name]
    file = tmp_path / "found.txt"
    file.write_text(text)
    with pytest.raises(KitError, match=words) as error:
        load(file, KIND)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_likeness_counts_tokens() -> None:
    other = [["conv-8", []], ["max-pool", []], ["identity", []]]
    assert KIND.likeness(VALUE, VALUE) == 1
    assert KIND.likeness(VALUE, other) == pytest.approx(4 / 6)
    assert KIND.likeness(VALUE, VALUE[:2]) == pytest.approx(3 / 6)


def test_it_is_described_and_drawn() -> None:
    assert KIND.describe(VALUE, None, None) == "0 conv-4\n1 max-pool + 0\n2 identity\n"
    axes = Figure().add_subplot()
    value = KIND.read(" ".join(map(str, tokens_of("mix"))))
    KIND.draw(axes, value, None, None)
    names = [text.get_text() for text in axes.texts]
    assert [name for name in names if not name.isdigit()] == [name for name, _ in value]
    boxes = len(value)
    arcs = sum(len(skips) for _, skips in value)
    assert len(axes.patches) == boxes + arcs
    sketched = KIND.sketch(value)
    assert sketched is not None
    assert sketched[0].count("<rect") == boxes
    assert KIND.sketch([["identity", []]] * 41) is None
