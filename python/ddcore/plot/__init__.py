"""Charts of the curated tables, with Altair (``pip install 'ddcore[plot]'``).

Each function asks the lake for a small table, aggregated in the core, and gives
a plain Altair chart of it, to be changed or combined further; ``chart.data`` is
the table. Colours can be told apart by the colour-blind.

    ddcore.plot.size_scaling(lake, "pile-valppl", recipes=["C4", "Dolma1.7"])
"""

try:
    import altair  # noqa: F401 - all charts need it
except ImportError as error:
    raise ImportError("ddcore.plot draws with Altair: pip install 'ddcore[plot]'") from error

from ._decisions import decision_heatmap, frontier
from ._pairs import ft_vs_pt, predicted_vs_actual
from ._results import curves, recipe_ranking, seed_noise, size_scaling

__all__ = [
    "curves",
    "decision_heatmap",
    "frontier",
    "ft_vs_pt",
    "predicted_vs_actual",
    "recipe_ranking",
    "seed_noise",
    "size_scaling",
]
