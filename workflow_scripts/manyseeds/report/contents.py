"""Files that the pages of the report are made from, and what a study has of them.

The Snakefile reads it, so nothing is imported here.
"""

SHARED = ("data.js",)
"""Files of the explorer that the report's pages use too."""

ASSETS = ("overview.html", "table.html", "page.css", "table.js")
"""Files of `assets/`."""

FIRST_FIGURE = "fig4"
"""The figure on the first page."""

CATEGORIES = (
    "Overview",
    "Representational geometry",
    "Consistency",
    "Causes of differences",
    "Training",
    "Kernels and errors",
    "The published results",
    "Tables",
)
"""Categories of the report, in the order of the paper."""


def numbered(category: str) -> str:
    """Return a category with its number, because Snakemake sorts categories by their names."""
    return f"{CATEGORIES.index(category) + 1} {category}"
