"""One journal style for all figures: sizes, type, colours, panel letters, files.

Column widths and type sizes follow Nature journals: 89 and 183 mm, text of 5 to 8 pt, sans serif, fonts embedded as
TrueType. Colours are those of Okabe & Ito (2008). Categories need more colours and have those of Tol (2021). Both sets
can be distinguished with any form of colour vision. A marker, line style or position always repeats the colour.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import count, product
from pathlib import Path
from string import ascii_lowercase
from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from manyseeds.errors import StudyError
from manyseeds.figures.fitting import broken, fit

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

COLUMN_MM = 89.0
PAGE_MM = 183.0
MM_PER_INCH = 25.4
PNG_DPI = 300

TEXT_PT = 7.0
NOTE_PT = 6.0
NOTE_CHARACTER_MM = 1.17
"""Mean width of a character of a note or legend."""
NOTE_LINE_MM = 3.0
"""Height of a line of a note or legend."""
SMALLEST_PT = 5.0
LEGEND_SYMBOL_MM = 10.0
LETTER_PT = 8.0
LINE_PT = 0.8

MOST_FITS = 4
"""Largest number of times that text is fitted: panels shrink for broken titles, and names below may then overlap."""

BLACK = "#000000"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#8C8C8C"
NOTE_GREY = "#4D4D4D"

CATEGORY_COLOURS = (
    "#332288",  # indigo
    "#CC6677",  # rose
    "#117733",  # green
    "#DDCC77",  # sand
    "#88CCEE",  # cyan
    "#AA4499",  # purple
    "#000000",  # black
    "#44AA99",  # teal
    "#999933",  # olive
    "#882255",  # wine
)
"""Tol's "muted" scheme with black: ten colours that can be distinguished with any form of colour vision."""
CATEGORY_MARKERS = ("o", "^", "s")
"""Ten colours and three markers have no common divisor, so thirty categories differ in colour or marker."""

RC: "dict[RcKeyType, object]" = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    # It comes with matplotlib, so figures are the same on every machine.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT_PT,
    # Names of layers and categories are anything, such as a$b$. No text here is a formula.
    "text.parse_math": False,
    "axes.labelsize": TEXT_PT,
    "axes.titlesize": TEXT_PT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": NOTE_PT,
    "ytick.labelsize": NOTE_PT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": NOTE_PT,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": LINE_PT,
    "lines.markersize": 2.8,
    "errorbar.capsize": 2.0,
    "image.interpolation": "nearest",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    # Text stays text, which editors can change. Names of clips and markers are the same each time.
    "svg.fonttype": "none",
    "svg.hashsalt": "manyseeds",
}


@dataclass(frozen=True)
class Series:
    """Look of a curve: colour, marker and line style differ together."""

    colour: str
    marker: str
    line: str


_font: ContextVar[str | None] = ContextVar("font", default=None)
_notes: ContextVar[list[str] | None] = ContextVar("notes", default=None)


@contextmanager
def journal_style() -> Iterator[None]:
    """Set matplotlib to the journal style while the context lasts: figures are drawn and saved in it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        if font := _font.get():
            mpl.rcParams["font.sans-serif"] = [font, "DejaVu Sans"]  # the second has the characters that a font lacks
        yield


@contextmanager
def chosen(*, font: str | None = None, notes: str = "inside") -> Iterator[list[str]]:
    """Draw in a font, and with notes inside or beside figures, inside this context (`figures.font`, `figures.notes`).

    Yields
    ------
    list of str
        The notes of figures that are drawn in the context, if they are beside.

    Raises
    ------
    StudyError
        If no such font is installed.
    """
    _check_font(font)
    beside: list[str] = []
    tokens = _font.set(font), _notes.set(beside if notes == "beside" else None)
    try:
        yield beside
    finally:
        _font.reset(tokens[0])
        _notes.reset(tokens[1])


def _check_font(font: str | None) -> None:
    known = sorted({entry.name for entry in font_manager.fontManager.ttflist})
    if font is not None and font not in known:
        near = get_close_matches(font, known, 3, 0.0)
        raise StudyError(
            f"Config key figures.font: found {font!r}, expected an installed font, such as {', '.join(near)}."
        )


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Return an empty figure of the given size, without pyplot's global state."""
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH))
    FigureCanvasAgg(figure)
    return figure


PANEL_MM = 40.0
MOST_IN_ROW = 4


def rows_of_panels(n_groups: int, n_panels: int, panel_mm: float = PANEL_MM) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure across the page with equally many panels for each group, in rows; no panel is left empty."""
    n_rows = -(-n_panels // MOST_IN_ROW)
    per_row = -(-n_panels // n_rows)
    figure = new_figure(PAGE_MM, n_groups * n_rows * panel_mm)
    grid = figure.subplots(n_groups * n_rows, per_row, squeeze=False)
    found = []
    for group in range(n_groups):
        axes = list(grid[group * n_rows : (group + 1) * n_rows].ravel())
        for unused in axes[n_panels:]:
            unused.remove()
        found.append(axes[:n_panels])
    return figure, found


def letters() -> Iterator[str]:
    """Yield the letters of panels without end: a to z, then aa to zz, and so on."""
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))


def letter_rows(rows: Iterable[Iterable[Axes]], *, left_pt: float = 24.0) -> None:
    """Put a letter on each panel of some rows.

    Notes name a column of panels by its letter. So several rows of several panels have the same letters, with the
    number of the row: a1, b1, a2, b2. Other panels have the letters one after another.
    """
    rows = [list(row) for row in rows]
    one_by_one = len(rows) == 1 or all(len(row) == 1 for row in rows)
    going_on = letters()
    for number, row in enumerate(rows, start=1):
        for axes, letter in zip(row, going_on if one_by_one else letters(), strict=False):
            panel_letter(axes, letter if one_by_one else f"{letter}{number}", left_pt=left_pt)


def panel_letter(axes: Axes, letter: str, *, left_pt: float = 24.0, above_pt: float = 8.0) -> None:
    """Put a bold panel letter above and left of the axes."""
    axes.annotate(
        letter,
        (0, 1),
        xytext=(-left_pt, above_pt),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=LETTER_PT,
        fontweight="bold",
        va="bottom",
        ha="left",
        annotation_clip=False,
    )


def title(figure: Figure, text: str) -> None:
    """Put a title of several lines above the panels, and make the figure higher by its height."""
    wrapped = fill(text, int(PAGE_MM / NOTE_CHARACTER_MM))
    figure.suptitle(wrapped, x=0.01, ha="left", fontsize=NOTE_PT)
    grow(figure, NOTE_LINE_MM * (2 + wrapped.count("\n")))


def only_words(text: str) -> Figure:
    """Return a figure of words without panels, for studies that have nothing to draw."""
    figure = new_figure(PAGE_MM, NOTE_LINE_MM)
    figure.set_layout_engine("none")  # it would miss the panels
    title(figure, text)
    return figure


def footnote(figure: Figure, lines: Iterable[str]) -> None:
    """Add notes below the panels and below earlier notes: n, error bars, settings; or beside the figure (`chosen`).

    Long lines are broken to the figure's width, and the figure becomes higher by the height of the notes.
    """
    if (beside := _notes.get()) is not None:
        beside += [line for line in lines if line]
        return
    room = int(figure.get_figwidth() * MM_PER_INCH / NOTE_CHARACTER_MM)
    added = "\n".join(fill(line, room) for line in lines if line)
    if not added:
        return
    text = "\n".join(filter(None, [figure.get_supxlabel(), added]))
    figure.supxlabel(text, x=0.01, ha="left", fontsize=NOTE_PT, color=NOTE_GREY, linespacing=1.3)
    grow(figure, NOTE_LINE_MM * (1 + added.count("\n")))


def legend_above(figure: Figure, panels: Iterable[Axes]) -> None:
    """Put one legend for all panels above them; entries of several panels are listed once."""
    entries = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    legend_of(figure, entries)


def legend_of(figure: Figure, entries: Mapping[str, Artist]) -> None:
    """Put a legend above the panels in as few rows as possible, and make the figure higher by its height."""
    room = figure.get_figwidth() * MM_PER_INCH
    longest = int((room - 2 * LEGEND_SYMBOL_MM) / NOTE_CHARACTER_MM)
    labels = ["\n".join(broken(label, longest)) for label in entries]
    widths = [LEGEND_SYMBOL_MM + NOTE_CHARACTER_MM * max(map(len, label.split("\n"))) for label in labels]
    n_rows = 1 if sum(widths) <= room else -(-len(entries) // max(1, int(room / max(widths))))
    columns = -(-len(entries) // n_rows)
    figure.legend(entries.values(), labels, loc="outside upper center", ncols=columns, columnspacing=1.5)
    lines = max((label.count("\n") + 1 for label in labels), default=1)
    grow(figure, (NOTE_LINE_MM + 0.5) * n_rows * lines + 1.0)


def grow(figure: Figure, height_mm: float) -> None:
    """Make a figure higher, for content outside its panels."""
    figure.set_figheight(figure.get_figheight() + height_mm / MM_PER_INCH)


def lay_out(figure: Figure) -> None:
    """Compute the place of every artist, and leave it there.

    It takes two passes, because panels of fixed aspect move after the first pass has measured their labels. Text that
    does not fit is broken or thinned, which takes others.
    """
    for n_fits in range(MOST_FITS + 1):
        for _ in range(2):
            figure.draw_without_rendering()
        if n_fits == MOST_FITS or not fit(figure):
            break
    figure.set_layout_engine("none")  # each file would compute the same places again


@journal_style()
def save(figure: Figure, pdf: Path | str, png: Path | str, svg: Path | str | None = None) -> None:
    """Write PDF, PNG (300 dpi) and SVG without dates and versions, so that the same figure has the same bytes."""
    shown_at = figure.dpi
    figure.set_dpi(PNG_DPI)  # text has other widths at other resolutions, and labels would be cut off
    lay_out(figure)
    figure.set_dpi(shown_at)
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Producer": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
    if svg is not None:
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        Path(svg).write_text(_renumbered(text.getvalue()), encoding="utf-8")


CLIP = re.compile(r'(?<=id=")p[0-9a-f]{10}(?=")|(?<=url\(#)p[0-9a-f]{10}(?=\))')
"""Names of clip paths in an SVG."""


def _renumbered(svg: str) -> str:
    """Number the clip paths of an SVG in their order: matplotlib names them after places in memory."""
    names = {name: f"clip{number}" for number, name in enumerate(dict.fromkeys(CLIP.findall(svg)))}
    return CLIP.sub(lambda found: names[found[0]], svg)
