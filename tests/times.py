"""Where the tests' time goes, and which are slow: python -m tests.times build/times.xml

Reads what 'make times' measured, writes ``slow.txt`` (a test function per line whose cases take
more than half a second together), and seconds per folder into CONTRIBUTING. 'make quick' leaves the
slow ones out.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path

SLOW = Path(__file__).with_name("slow.txt")
GUIDE = Path(__file__).parents[1] / "CONTRIBUTING.md"
# What 'make times' writes there: the table, and the sentence below it.
WRITTEN = re.compile(r"^\| folder \|.*?\n\n.*?\n", re.M | re.S)
SECONDS = 0.5


def function(node: str) -> str:
    """Return the test function of a node id, without parameters."""
    return node.partition("[")[0]


def measured(report: Path) -> dict[str, float]:
    """Return seconds per test function, of a JUnit report of the family xunit1."""
    seconds: dict[str, float] = defaultdict(float)
    for case in ET.parse(report).iter("testcase"):
        if case.find("skipped") is None:
            name = function(f"{case.attrib['file']}::{case.attrib['name']}")
            seconds[name] += float(case.attrib["time"])
    return seconds


def table(seconds: dict[str, float]) -> str:
    """Return seconds per folder of tests as Markdown, the longest first."""
    folders: dict[str, float] = defaultdict(float)
    for name, value in seconds.items():
        parts = name.partition("::")[0].split("/")
        folders["/".join(parts[:2]) if len(parts) > 2 else parts[0]] += value
    total = sum(folders.values())
    lines = ["| folder | seconds | part |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {value:.0f} | {value / total:.0%} |"
        for name, value in sorted(folders.items(), key=lambda item: -item[1])
        if value >= 0.5
    ]
    return "\n".join(lines)


def main(report: Path) -> None:
    """Write the list of slow tests, and the table into the guide."""
    seconds = measured(report)
    slow = sorted(name for name, value in seconds.items() if value > SECONDS)
    SLOW.write_text("".join(f"{name}\n" for name in slow), encoding="utf-8")
    rest = sum(value for name, value in seconds.items() if name not in slow)
    told = f"{len(slow)} of {len(seconds)} test functions are slow; the others take {rest:.0f} s.\n"
    text = GUIDE.read_text(encoding="utf-8")
    written = f"{table(seconds)}\n\n{told}"
    GUIDE.write_text(WRITTEN.sub(lambda _: written, text, count=1), encoding="utf-8")
    print(written, end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
