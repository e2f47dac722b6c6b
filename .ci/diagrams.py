"""The site's diagrams, for mkdocs.yml: Mermaid blocks become images when the site is built.

The theme would have the reader's browser fetch Mermaid from another host.
"""

from __future__ import annotations

import posixpath
import re
from hashlib import sha256

import mermaidx
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.M | re.S)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add an image per diagram."""
    for text in [file.content_string for file in files.documentation_pages()]:
        for code in BLOCK.findall(text):
            if image(code) not in files.src_uris:
                files.append(File.generated(config, image(code), content=drawn(code)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the images in the place of the blocks."""
    folder = posixpath.dirname(page.file.src_uri) or "."
    return BLOCK.sub(lambda m: f"![diagram]({posixpath.relpath(image(m[1]), folder)})", markdown)


def image(code: str) -> str:
    """Return the file of a diagram on the site."""
    return f"diagrams/{sha256(code.encode()).hexdigest()[:12]}.svg"


def drawn(code: str) -> str:
    """Return a diagram as SVG, on white: its lines are dark, whatever the reader's colours are."""
    svg: str = mermaidx.render(code).svg()
    return svg.replace("background-color: transparent", "background-color: white")
