"""The site's pages that lie outside ``docs/``, and links between them, for mkdocs.yml.

README, CONTRIBUTING, CHANGELOG and the tasks' READMEs become pages; a linked source file becomes a
page that shows it. So every link that resolves in the repository resolves on the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
FRONT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LINK = re.compile(r"(?<=\]\()([^)#\s:]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files of the repository."""
    for name in [*FRONT, *(f"tasks/{file.parent.name}/README.md" for file in _tasks())]:
        files.append(File.generated(config, page(name), content=(ROOT / name).read_text("utf-8")))
    for name in sorted(_shown(files)):
        text = (ROOT / name).read_text("utf-8")
        kind = Path(name).suffix.lstrip(".")
        content = f"# {name}\n\n````{kind}\n{text}\n````\n"
        files.append(File.generated(config, page(name), content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at pages of the site."""
    return _rewritten(markdown, page.file.src_uri)


def page(name: str) -> str:
    """Return the page that shows a file of the repository."""
    if name in FRONT:
        return FRONT[name]
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    if name.startswith("tasks/") and name.endswith("/README.md"):
        return f"{posixpath.dirname(name)}.md"
    return f"source/{name}.md"


def origin(uri: str) -> str:
    """Return the file of the repository that a page shows."""
    for name, front in FRONT.items():
        if uri == front:
            return name
    if uri.startswith("tasks/"):
        return f"{uri.removesuffix('.md')}/README.md"
    if uri.startswith("source/"):
        return uri.removeprefix("source/").removesuffix(".md")
    return f"docs/{uri}"


def _tasks() -> list[Path]:
    return sorted((ROOT / "tasks").glob("*/README.md"))


def _target(link: str, name: str) -> str | None:
    """Return the file of the repository that a link in file ``name`` leads to."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
    if (ROOT / target).is_dir():
        target = f"{target}/README.md"
    return target if (ROOT / target).is_file() else None


def _rewritten(markdown: str, uri: str) -> str:
    if uri.startswith("source/"):
        return markdown
    name = origin(uri)

    def there(match: re.Match[str]) -> str:
        target = _target(match[1], name)
        if target is None:
            return match[0]  # mkdocs tells that it leads nowhere
        return posixpath.relpath(page(target), posixpath.dirname(uri) or ".") + (match[2] or "")

    return LINK.sub(there, markdown)


def _shown(files: Files) -> set[str]:
    """Return the source files that some page links to."""
    found = set()
    for file in files.documentation_pages():
        name = origin(file.src_uri)
        for match in LINK.finditer((ROOT / name).read_text("utf-8")):
            target = _target(match[1], name)
            if target is not None and page(target).startswith("source/"):
                found.add(target)
    return found
