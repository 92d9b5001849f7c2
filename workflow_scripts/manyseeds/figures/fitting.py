"""Text that fits: titles and labels are broken into lines, and names below axes are thinned, where they would overlap.

Everything is measured after a figure was laid out. A figure whose text fits stays as it is.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from textwrap import wrap
from weakref import WeakKeyDictionary

from matplotlib.axes import Axes
from matplotlib.axis import Axis, Tick
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxBase

MARGIN_PX = 5.0
"""Least distance from the edge of the page and between names below an axis, at 100 dots per inch."""

OVERLAP_PX = 2.0
"""Names beside an axis may overlap by this: their boxes have room for accents and descenders."""

LETTER_PX = 34.0
"""Distance of a panel's letter from its axes."""

LINE_PX = 11.0
"""Height of a line of a title."""


_WHOLE: WeakKeyDictionary[Text, str] = WeakKeyDictionary()
"""Texts before they were broken, which may have to be broken again."""


def fit(figure: Figure) -> bool:
    """Break titles and labels of axes that are too long, and thin names of ticks; return whether anything changed.

    The figure must have been laid out. It grows by the lines that are added above or below its panels.
    """
    panels = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    added: dict[float, int] = {}
    changed = False
    for axes in figure.axes:
        across = _room(axes, figure.axes, figure.bbox, horizontal=True)
        lines = _break(axes.title, across, horizontal=True) + _break(axes.xaxis.label, across, horizontal=True)
        row = round(axes.get_window_extent().y0)
        added[row] = max(added.get(row, 0), lines)
        along = _room(axes, figure.axes, figure.bbox, horizontal=False)
        changed |= _break(axes.yaxis.label, along, horizontal=False) > 0
    for axes in panels:
        changed |= thin(axes.xaxis, horizontal=True)
        changed |= thin(axes.yaxis, horizontal=False)
    if total := sum(added.values()):
        figure.set_figheight(figure.get_figheight() + total * LINE_PX / figure.dpi)
    return changed or total > 0


def _room(axes: Axes, others: Iterable[Axes], page: BboxBase, *, horizontal: bool) -> float:
    """Return the room of a centred text beside axes: between their neighbours, and the letters of panels."""
    own = axes.get_window_extent()
    near, far = ("x0", "x1") if horizontal else ("y0", "y1")
    beside = ("y0", "y1") if horizontal else ("x0", "x1")
    first, last = getattr(own, near), getattr(own, far)
    low, high = getattr(page, near) + MARGIN_PX, getattr(page, far) - MARGIN_PX
    if _has_letter(axes):
        low, high = (max(low, first - LETTER_PX / 2), high) if horizontal else (low, min(high, last + MARGIN_PX))
    for other in others:
        box = other.get_window_extent()
        overlaps = getattr(box, beside[0]) < getattr(own, beside[1]) and getattr(own, beside[0]) < getattr(
            box, beside[1]
        )
        if other is axes or not overlaps:
            continue
        if getattr(box, far) <= first:
            low = max(low, (getattr(box, far) + first) / 2)
        if getattr(box, near) >= last:
            middle = (getattr(box, near) + last) / 2
            high = min(high, getattr(box, near) - LETTER_PX if horizontal and _has_letter(other) else middle)
    middle = (first + last) / 2
    return 2 * min(middle - low, high - middle)


def _has_letter(axes: Axes) -> bool:
    """Return whether axes have the bold letter of a panel."""
    return any(text.get_fontweight() == "bold" for text in axes.texts)


def _break(text: Text, room: float, *, horizontal: bool) -> int:
    """Break a text into lines that have room; return how many lines were added."""
    words = text.get_text()
    box = text.get_window_extent()
    length = box.width if horizontal else box.height
    if not words or not text.get_visible() or length <= room:
        return 0
    longest = max(map(len, words.split("\n")))
    most = max(6, int(longest * room / length))
    whole = _WHOLE.setdefault(text, words)
    lines = [line for part in whole.split("\n") for line in broken(part, most)]
    text.set_text("\n".join(lines))
    return len(lines) - 1 - words.count("\n")


def broken(words: str, most: int) -> list[str]:
    """Return a text in lines of at most so many characters, broken at spaces, else behind - _ . or /, else anywhere."""
    lines: list[str] = []
    for line in wrap(words, most, break_long_words=False, break_on_hyphens=False) or [""]:
        while len(line) > most:
            place = max((line.rfind(mark, 1, most) + 1 for mark in "-_./"), default=0)
            place = place if place > most // 2 else most
            lines.append(line[:place])
            line = line[place:]
        lines.append(line)
    return lines


def thin(axis: Axis, *, horizontal: bool) -> bool:
    """Hide names of ticks that overlap: every second, third, ... one stays. Return whether any was hidden."""
    ticks = [tick for tick in axis.get_major_ticks() if tick.label1.get_visible() and tick.label1.get_text()]
    boxes = [(tick, tick.label1.get_window_extent()) for tick in ticks]
    boxes.sort(key=lambda pair: pair[1].x0 if horizontal else pair[1].y0)
    step = next(step for step in range(1, len(boxes) + 2) if _fits(boxes[::step], horizontal=horizontal))
    for place, (tick, _) in enumerate(boxes):
        tick.label1.set_visible(place % step == 0)
    return step > 1


def _fits(boxes: Sequence[tuple[Tick, Bbox]], *, horizontal: bool) -> bool:
    pairs = pairwise(boxes)
    if horizontal:
        return all(one.x1 + 1 <= other.x0 for (_, one), (_, other) in pairs)
    return all(one.y1 <= other.y0 + OVERLAP_PX for (_, one), (_, other) in pairs)
