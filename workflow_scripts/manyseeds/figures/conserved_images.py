"""Stimuli on which networks agree most and least, as pictures (methods 12).

This figure shows the stimuli themselves. It is the only one that reads more than tables: column `image` of the frame
`images` has the pixels of each stimulus, and its attribute `n_shown` the number of pictures in a strip.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from manyseeds.figures import style
from manyseeds.figures.catalogue import NothingToDraw, main_measure
from manyseeds.figures.conserved import ends_and_middle
from manyseeds.figures.selection import MEASURE_NAMES, Tables, groups, instance_notes, rows_of

STRIP_MM = 17.0
STRIPS = {"most": False, "least": True}
"""Whether a strip begins with the lowest agreement, by its name."""


def draw(tables: Tables) -> Figure:
    """Draw two strips for each group and layer: stimuli chosen in half of the networks, with the other half's value."""
    agreement = tables["stimulus_agreement"]
    if agreement.empty:
        raise NothingToDraw
    rows = agreement[(agreement["measure"] == main_measure(agreement["measure"])) & (agreement["scope"] == "all")]
    rows = rows[rows["agreement_a"].notna()]
    if rows.empty:
        return style.only_words("Stimuli are chosen in one half of the networks, so at least four networks are needed.")
    images, shown = tables["images"]["image"], groups(rows)
    strips = [
        (group, layer, name) for group in shown for layer in ends_and_middle(rows_of(rows, group)) for name in STRIPS
    ]
    n_shown = int(tables["images"].attrs["n_shown"])
    figure = style.new_figure(style.PAGE_MM, STRIP_MM * len(strips))
    grid = figure.subplots(len(strips), n_shown, squeeze=False)
    for (group, layer, name), panels in zip(strips, grid, strict=True):
        of_layer = rows_of(rows, group, layer_index=layer)
        chosen = chosen_stimuli(of_layer, n_shown, lowest=STRIPS[name])
        for axes in panels:
            axes.set_axis_off()
        for axes, row in zip(panels[: len(chosen)], chosen.to_dict("records"), strict=True):
            _draw_image(axes, images.iloc[int(row["position"])], row)
        label = f"{group.title}\n{of_layer['layer'].iloc[0]}, {name}"
        panels[0].text(
            -0.15, 0.5, label, transform=panels[0].transAxes, ha="right", va="center", fontsize=style.NOTE_PT
        )
    style.footnote(figure, [*instance_notes(shown, tables["instances"]), _remark(rows)])
    return figure


def chosen_stimuli(rows: pd.DataFrame, n: int, *, lowest: bool) -> pd.DataFrame:
    """Return the stimuli of highest or lowest agreement in half a, from the most extreme."""
    return rows.sort_values(["agreement_a", "position"], ascending=[lowest, True]).head(n)


def _draw_image(axes: Axes, image, row: dict) -> None:
    """Draw a stimulus with its agreement in half b, and the share of networks that classify it correctly."""
    axes.imshow(image.squeeze(), cmap="gray", interpolation="nearest")
    known = pd.notna(row["correct_share"])
    correct = f", {100 * row['correct_share']:.0f} %" if known else ""
    axes.set_title(f"{row['agreement_b']:.2f}{correct}", fontsize=style.NOTE_PT, pad=2)


def _remark(rows: pd.DataFrame) -> str:
    correct = (
        " Percentages: networks that classify the stimulus correctly." if rows["correct_share"].notna().any() else ""
    )
    return (
        f"RDMs: {MEASURE_NAMES[str(rows['measure'].iloc[0])]}. Stimuli of highest and of lowest agreement, chosen in "
        f"one half of the networks. Numbers: their agreement (r of a row of the RDM) in the other half.{correct}"
    )
