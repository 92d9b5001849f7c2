"""Hooks of mkdocs: the site shows the repository's own Markdown pages, with links that hold in both places.

Pages link to each other and to other files as GitHub resolves links: relative to the page's place in the repository.
The site has a page for each such target. README.md is its front. A module or a folder of the package leads to its API
page, and any other linked file to a page that shows its text. A notebook becomes a page with the outputs that are
stored in it. mkdocs then checks every link and anchor.

Formulas become MathML, which browsers draw themselves. So the site loads nothing from elsewhere.
"""

import html
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "workflow_scripts/manyseeds"

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "data/README.md": "data.md",
    "docs/tutorial.ipynb": "tutorial.md",
}
"""Pages outside docs/ and notebooks, by their path in the repository, and their names in the site."""

LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)(?=(?:#[^)\s]*)?\))")
"""The path in a relative link of Markdown, without its anchor."""

STYLE_OF_PANDAS = re.compile(r'<style scoped>.*?</style>\s*| border="1" class="dataframe"', re.DOTALL)
MATH = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)
FIRST = ("notebook", "plot", "results")
"""Modules that users import, shown before the others."""

BOLD_ZERO = 0x1D7CE
"""Character of a bold 0, followed by the other bold digits."""

LANGUAGES = {".smk": "python", ".yml": "yaml"}
"""Highlighting of files whose suffix does not name a language."""


# Which pages there are


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not Markdown in docs/: those of other folders, notebooks, the API, and linked files."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=_markdown(ROOT / source)))
    for part in parts():
        files.append(File.generated(config, f"api/{part}.md", content=_api(part)))
    waiting = [_source(file) for file in files if file.is_documentation_page() and not file.src_uri.startswith("api/")]
    while waiting:
        for target in _targets(waiting.pop()):
            page = _page(target)
            if page.startswith("repository/") and files.get_file_from_path(page) is None:
                files.append(File.generated(config, page, content=_shown(ROOT / target)))
                waiting.append(target)
    return files


def parts() -> Iterator[str]:
    """Yield the subpackages of the package; `manyseeds` means the modules beside them."""
    yield "manyseeds"
    for path in sorted((ROOT / PACKAGE).iterdir()):
        if (path / "__init__.py").exists():
            yield path.name


def _api(part: str) -> str:
    """Return the text of an API page: one section for each module."""
    folder = ROOT / PACKAGE / ("" if part == "manyseeds" else part)
    modules = sorted((path.stem for path in folder.glob("*.py")), key=lambda module: (module not in FIRST, module))
    modules.remove("__init__")
    name = "manyseeds" if part == "manyseeds" else f"manyseeds.{part}"
    return "\n\n".join([f"# {name}", *(f"::: {name}.{module}" for module in modules)])


def _shown(path: Path) -> str:
    """Return the text of a page that shows a file; Markdown is shown as a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    language = LANGUAGES.get(path.suffix, path.suffix[1:])
    title = path.relative_to(ROOT).as_posix()
    return f"---\nhide: [toc]\n---\n\n# {path.name}\n\n````{language} title={title!r}\n{text}\n````\n"


# How notebooks are shown


def _markdown(path: Path) -> str:
    """Return the text of a page in Markdown; of a notebook, also its code and its outputs."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    download = f'<p><a href="{path.name}" download>This page as a notebook</a></p>'
    first, *others = nbformat.read(path, as_version=4).cells
    return "\n\n".join([first.source, download, *(_cell(cell) for cell in others)])


def _cell(cell: nbformat.NotebookNode) -> str:
    """Return a cell in Markdown, with its outputs below it."""
    if cell.cell_type == "markdown":
        return cell.source
    shown = (_output(output, cell.metadata.get("alt", "")) for output in cell.outputs)
    return "\n\n".join([f"```python\n{cell.source}\n```", *shown])


def _output(output: nbformat.NotebookNode, alt: str) -> str:
    """Return an output: a picture, a table of pandas in the style of the site, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        png = data["image/png"].strip()
        return f'<p><img alt="{html.escape(alt)}" style="max-height: 20rem" src="data:image/png;base64,{png}"></p>'
    if "text/html" in data:
        return STYLE_OF_PANDAS.sub("", data["text/html"])
    text = data["text/plain"] if data else output.text
    return f"```text\n{text.rstrip()}\n```"


# Where links lead


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page to pages of the site."""
    if page.file.src_uri.startswith("api/"):
        return markdown
    source = _source(page.file)

    def lead(found: re.Match) -> str:
        target = _page(_resolved(source, found[1]))
        return posixpath.relpath(target, posixpath.dirname(page.file.src_uri)) + _module_anchor(source, found[1])

    return LINK.sub(lead, markdown)


def _source(file: File) -> str:
    """Return the path in the repository of a page."""
    for source, page in PAGES.items():
        if file.src_uri == page:
            return source
    if file.src_uri.startswith("repository/"):
        return file.src_uri.removeprefix("repository/").removesuffix(".txt.md")
    return f"docs/{file.src_uri}"


def _targets(source: str) -> Iterator[str]:
    """Yield the paths in the repository that a page links to."""
    if source.endswith((".md", ".ipynb")):
        for path in LINK.findall(_markdown(ROOT / source)):
            yield _resolved(source, path)


def _resolved(source: str, path: str) -> str:
    """Return the path in the repository that a link of a page leads to."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if not os.path.exists(ROOT / target):
        raise FileNotFoundError(f"{source} links to {path}, which is not there.")
    return target


def _page(target: str) -> str:
    """Return the page or file of the site that shows a path of the repository."""
    if target in PAGES:
        return PAGES[target]
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    if f"{target}/".startswith(f"{PACKAGE}/") and not target.endswith(".json"):
        part = target.removeprefix(PACKAGE).strip("/").split("/")[0]
        return f"api/{part if part in parts() else 'manyseeds'}.md"
    return f"repository/{target}" if target.endswith(".md") else f"repository/{target}.txt.md"


def _module_anchor(source: str, path: str) -> str:
    """Return the anchor of a module in its API page, for a link to the module's file."""
    target = _resolved(source, path)
    if not (target.startswith(PACKAGE) and target.endswith(".py")):
        return ""
    return "#" + target.removeprefix("workflow_scripts/").removesuffix(".py").replace("/", ".")


# How formulas are drawn


def on_page_content(content: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace formulas in LaTeX by MathML."""
    return MATH.sub(lambda found: _mathml(html.unescape(found["latex"]), found["tag"] == "div"), content)


def _mathml(latex: str, on_its_own_line: bool) -> str:
    """Return a formula in MathML.

    Browsers ignore the attribute for bold digits, so bold digits become characters of their own. Bars of norms get a
    fixed height and a side, which the converter does not give them.
    """
    sides = iter(re.findall(r"\\([lr])Vert", latex))
    latex = re.sub(r"\\mathbf\{(\d)\}", lambda found: chr(BOLD_ZERO + int(found[1])), latex)
    mathml = convert(latex, display="block" if on_its_own_line else "inline")
    form = {"l": "prefix", "r": "postfix"}
    bar = "<mo>&#x02016;</mo>"
    return re.sub(bar, lambda _: bar.replace("<mo>", f'<mo stretchy="false" form="{form[next(sides)]}">'), mathml)
