"""One journal style for all figures: sizes, type, colours, panel letters, files.

Column widths and type sizes follow Nature journals (89 and 183 mm, text of 5 to 8 pt, sans serif, fonts embedded as
TrueType). Colours are those of Okabe & Ito (2008), and for categories, of which there are more, of Tol (2021): told
apart with any form of colour vision. They never stand alone: marker, line style or position says the same.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLUMN_MM = 89.0
PAGE_MM = 183.0
MM_PER_INCH = 25.4
PNG_DPI = 300

TEXT_PT = 7.0
NOTE_PT = 6.0
NOTE_CHARACTER_MM = 1.17
"""Mean width of a character of a note or legend, and..."""
NOTE_LINE_MM = 3.0
"""...the height of a line of them."""
SMALLEST_PT = 5.0
LEGEND_SYMBOL_MM = 10.0
LETTER_PT = 8.0
LINE_PT = 0.8

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
"""Tol's "muted" scheme with black: ten colours, told apart with any form of colour vision, for the ten categories."""
CATEGORY_MARKERS = ("o", "^", "s")
"""Ten colours and three markers have no common divisor: thirty categories differ in one or the other."""

RC = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    # The one sans face that comes with matplotlib: the same figure on every machine.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT_PT,
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
}


@dataclass(frozen=True)
class Series:
    """How one curve looks: colour, marker and line style differ together."""

    colour: str
    marker: str
    line: str


@contextmanager
def journal_style() -> Iterator[None]:
    """Draw and save figures inside this context; matplotlib's settings are as before after it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """An empty figure of the given size, free of pyplot's global state."""
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH))
    FigureCanvasAgg(figure)
    return figure


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
    """Put a title of several lines above the panels; the figure grows by what it takes."""
    wrapped = fill(text, int(PAGE_MM / NOTE_CHARACTER_MM))
    figure.suptitle(wrapped, x=0.01, ha="left", fontsize=NOTE_PT)
    grow(figure, NOTE_LINE_MM * (2 + wrapped.count("\n")))


def only_words(text: str) -> Figure:
    """A figure of a title and no panels: what stands where a study has nothing to draw, which is no reason to fail."""
    figure = new_figure(PAGE_MM, NOTE_LINE_MM)
    figure.set_layout_engine("none")  # it would miss the panels
    title(figure, text)
    return figure


def footnote(figure: Figure, lines: Iterable[str]) -> None:
    """Say below the panels, and below what is said there already, what is shown (n, error bars, settings).

    Long lines are broken to the figure's width, and the figure grows by what the notes take.
    """
    room = int(figure.get_figwidth() * MM_PER_INCH / NOTE_CHARACTER_MM)
    added = "\n".join(fill(line, room) for line in lines if line)
    if not added:
        return
    text = "\n".join(filter(None, [figure.get_supxlabel(), added]))
    figure.supxlabel(text, x=0.01, ha="left", fontsize=NOTE_PT, color=NOTE_GREY, linespacing=1.3)
    grow(figure, NOTE_LINE_MM * (1 + added.count("\n")))


def legend_above(figure: Figure, panels: Iterable[Axes]) -> None:
    """One legend for all panels, above them, where it covers no data; what several panels show is listed once."""
    entries = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    legend_of(figure, entries)


def legend_of(figure: Figure, entries: Mapping[str, Artist]) -> None:
    """A legend above the panels in as few rows as fit the width; the figure grows by what it takes."""
    widths = [LEGEND_SYMBOL_MM + NOTE_CHARACTER_MM * len(label) for label in entries]
    room = figure.get_figwidth() * MM_PER_INCH
    n_rows = 1 if sum(widths) <= room else -(-len(entries) // max(1, int(room / max(widths))))
    columns = -(-len(entries) // n_rows)
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=columns, columnspacing=1.5)
    grow(figure, (NOTE_LINE_MM + 0.5) * n_rows + 1.0)


def grow(figure: Figure, height_mm: float) -> None:
    """Make a figure higher by what stands outside its panels."""
    figure.set_figheight(figure.get_figheight() + height_mm / MM_PER_INCH)


def lay_out(figure: Figure) -> None:
    """Find every artist's place.

    Twice: panels of fixed aspect move once the room of their labels is known, and the first pass does not see that.
    """
    for _ in range(2):
        figure.draw_without_rendering()


@journal_style()
def save(figure: Figure, pdf: Path | str, png: Path | str) -> None:
    """Write PDF (embedded TrueType fonts) and PNG (300 dpi), without dates or versions: same figure, same bytes."""
    lay_out(figure)
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Producer": None})
    figure.savefig(png, format="png", dpi=PNG_DPI, metadata={"Software": None})
