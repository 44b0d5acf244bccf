"""One figure per question; each takes finished frames and returns the Axes it drew on."""

from dwangstats.present.figures.bounds import bounds, bounds_alt
from dwangstats.present.figures.canvas import figure_style, save_figure
from dwangstats.present.figures.change import change, change_alt
from dwangstats.present.figures.deliveries import deliveries, deliveries_alt, deliveries_grid
from dwangstats.present.figures.forest import forest, forest_alt
from dwangstats.present.figures.identification import identification, identification_alt
from dwangstats.present.figures.patterns import patterns, patterns_alt, patterns_caption
from dwangstats.present.figures.rates import rates, rates_alt, rates_by_form

__all__ = [
    "bounds",
    "bounds_alt",
    "change",
    "change_alt",
    "deliveries",
    "deliveries_alt",
    "deliveries_grid",
    "figure_style",
    "forest",
    "forest_alt",
    "identification",
    "identification_alt",
    "patterns",
    "patterns_alt",
    "patterns_caption",
    "rates",
    "rates_alt",
    "rates_by_form",
    "save_figure",
]
