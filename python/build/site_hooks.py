"""What mkdocs.yml cannot say: hooks of MkDocs, and an extension of Griffe, which reads the docstrings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import griffe


def on_config(config: Any) -> Any:
    """Leave out pages that do not exist (yet), and put those that no section names under "More".

    A section of one page is that page.
    """
    pages = {page.name for page in Path(config.docs_dir).glob("*.md")}
    nav: list[Any] = []
    for entry in config.nav:
        if isinstance(entry, str):
            nav.append(entry)
            pages.discard(entry)
            continue
        ((title, names),) = entry.items()
        there = [name for name in names if name in pages]
        pages -= set(there)
        if there:
            nav.append({title: there} if len(there) > 1 else there[0])
    config.nav = [*nav, {"More": sorted(pages)}] if pages else nav
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put what the package exports, in `__all__` and as modules loaded when asked for, on the page of its reference."""
    if page.file.src_path != "python-reference.md":
        return markdown
    text = Path("python/ddcore/__init__.py").read_text()
    exported = re.findall(r'^    "([a-z]\w*|Progress)",$', text, re.MULTILINE)
    modules = re.findall(r"^    from \.\w* import (\w+) as \1$", text, re.MULTILINE)
    # Functions that Griffe does not see, because a module of the package has their name.
    files = [file for module in modules for file in sorted(Path("python/ddcore", module).glob("[a-z]*.py"))]
    hidden = [
        f"{file.parent.name}.{file.stem}.{file.stem}"
        for file in files
        if f'"{file.stem}"' in (file.parent / "__init__.py").read_text()
    ]
    names = [*(n for n in exported if n not in ("open", "Lake")), *modules, *hidden, "errors"]
    return markdown + "\n::: ddcore.open\n" + _lake() + "".join(f"\n::: ddcore.{name}\n" for name in names)


def _lake() -> str:
    """Show all methods as `Lake`'s own, in the order of the classes that it is made of."""
    lake: Any = griffe.load("ddcore.lake.Lake", search_paths=["python"])
    methods = [m.name for c in (lake, *lake.mro()) for m in c.members.values() if m.is_public and m.has_docstring]
    options = f"inherited_members: true, show_bases: false, members: [{', '.join(methods)}]"
    return f"\n::: ddcore.Lake\n    options: {{{options}}}\n"


def on_post_build(config: Any) -> None:
    """Put the Markdown beside the HTML: llms.txt links to it."""
    for page in Path(config.docs_dir).glob("*.md"):
        shutil.copy(page, config.site_dir)


class Examples(griffe.Extension):
    """Reads our `Example:` as the section that Griffe calls `Examples:`; else it is a paragraph of Markdown."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:  # noqa: ARG002 - Griffe's signature
        """Run on each module, class and function."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
