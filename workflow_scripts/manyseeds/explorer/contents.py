"""What the explorer is made from: columns of tables, and files of the page.

The Snakefile reads it, so nothing is imported here.
"""

TABLES: dict[str, tuple[str, ...]] = {
    "instances": ("architecture", "condition", "seed", "attempts", "collapsed"),
    "consistency_summary": (
        *("architecture", "condition", "epoch", "layer", "layer_index", "measure", "normalisation", "kind"),
        *("n_networks", "n_network_pairs", "n_collapsed", "mean", "ci_low", "ci_high", "ci_method"),
    ),
    "consistency": (
        *("architecture", "condition", "epoch", "layer", "layer_index", "seed_a", "seed_b", "r", "consistency"),
    ),
    "comparators_summary": (
        *("architecture", "condition", "epoch", "layer", "layer_index", "comparator", "measure", "normalisation"),
        *("n_networks", "n_network_pairs", "n_collapsed", "mean", "ci_low", "ci_high", "ci_method"),
    ),
    "second_level": (*("architecture", "condition", "layer_index_a", "seed_a", "layer_index_b", "seed_b", "distance"),),
    "mds": ("architecture", "condition", "layer", "layer_index", "seed", "x", "y", "stress"),
    "stimulus_agreement": (
        *("architecture", "condition", "layer", "layer_index", "position", "agreement", "correct_share"),
    ),
    "agreement_reliability": ("architecture", "condition", "layer", "layer_index", "reliability", "n_splits"),
    "accuracy": ("architecture", "condition", "seed", "epoch", "accuracy"),
    "history": ("architecture", "condition", "seed", "epoch", "loss", "accuracy"),
}
"""Tables that the page reads, and their columns in it. A study may lack any of them."""

SCRIPTS = (
    "data.js",
    "parts.js",
    "elements.js",
    "chart.js",
    "depth.js",
    "rdms.js",
    "stimuli.js",
    "maps.js",
    "training.js",
    "main.js",
)
"""Files of the page's script, in order."""

ASSETS = ("page.html", "page.css", *SCRIPTS)
"""Files of `assets/`."""
