"""The other side of `measure.in_fresh_process`: a call on stdin, its result on stdout."""

from __future__ import annotations

import importlib
import json
import sys

from kit import lazy
from kit.allocator import keep_freed_memory


def main() -> None:
    """Read {"function": "module:name", "arguments": {...}}, write the result as one JSON line."""
    keep_freed_memory()
    order = json.load(sys.stdin)
    module, name = order["function"].split(":")
    with lazy.torch_at_once():
        function = getattr(importlib.import_module(module), name)
    print(json.dumps(function(**order["arguments"])))


if __name__ == "__main__":
    main()
