"""The methods of a lake that ask what small models and early checkpoints tell of how it ends."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .. import _arguments
from ..progress import Show, bar
from ._base import Base

if TYPE_CHECKING:
    import pyarrow as pa


class Predicting(Base):
    """Features, kept predictions, and decisions between recipes."""

    def features(
        self,
        *,
        window: str | Iterable[str],
        target: str | Iterable[str] | None = None,
        target_at: str | None = None,
        target_params: str | None = None,
        source: str | None = None,
        tasks: str | Iterable[str] | None = None,
        metrics: str | Iterable[str] | None = None,
        stats: str | Iterable[str] | None = None,
        grid: int | None = None,
        thresholds: Mapping[str, float] | None = None,
        deltas: str | Iterable[str] | None = None,
        metadata: str | Iterable[str] | None = None,
        filters: Mapping[str, object] | None = None,
        where: str | None = None,
        long: bool = False,
        save: str | None = None,
        **equal: object,
    ) -> pa.Table:
        """Make one row per item to predict: features of windows of its curves, metadata and targets.

        Nothing after a window is read into its features.

        Args:
            window: One window or several: "[from:]to", both ends included, in percent of the run ("20%"),
                steps ("5000 steps", the default unit) or tokens ("2B tokens").
            target: What to predict: a task (its primary metric), "<task>_<metric>", "<set>-valppl", "train_loss"
                or a metric of curves; one or several.
            target_at: "final" (the default), "best", "gain" (fine-tuned less pretrained), or a place in the run
                such as "50%". A place within a window is refused.
            target_params: Take the target at this size ("1B"), as the mean over its seeds, and leave out
                that size's rows.
            source: Where the curves are: "evals" (the default, with perplexity), "run_history" or "curves".
            tasks: Tasks of evals, "all" for all; default: those of the targets, else the ten of OLMES.
            metrics: Metrics; default: primary_metric, train_loss, or all of curves.
            stats: Names of features, as docs/features.md lists them; default: all.
            grid: Into how many equal parts a window is cut for the features at_...; default: 4.
            thresholds: Series with the value for threshold_step: {"arc_easy_primary_metric": 0.5}.
            deltas: Comparisons to add: "windows", "tasks", "sizes".
            metadata: Columns of model_sizes, recipes, runs and matched_runs (pt_...) to add, an empty list for
                none; default: size, schedule and recipe.
            filters: Which items: column names with a value or several, as in `table`.
            where: A condition on the items in SQL, e.g. "params_exact < 1e9".
            long: One row per item, series and window, with the stats as columns.
            save: Also keep the result as the table features.<name>; features.saved tells its snapshot and
                arguments.
            **equal: The same as filters: params="150M", recipe=["C4", "Dolma1.7"].

        Returns:
            One row per item (recipe, params, seed; project, run_id; or run) that has a checkpoint in a
            window. Each field's metadata tell its role: id, group, metadata, feature
            ("<series>__<window>__<stat>", a finite number or null) or target ("target_<series>__<at>");
            and its unit and formula.

        Raises:
            NotFoundError: There is no such lake, table, task, metric or column, or no item fits.
            InvalidError: A window cannot be read or reaches its target; the message says what to change.
            BusyError: With save: another process is writing, and DDCORE_LOCK_TIMEOUT has passed.

        Example:
            >>> t = lake.features(target="arc_easy", window=["10%", "50%"], stats=["last", "slope"], metadata=[])
            >>> t.column_names[:5]
            ['recipe', 'params', 'seed', 'family', 'arc_easy_primary_metric__10pct__last']
            >>> t.column_names[-1]
            'target_arc_easy_primary_metric__final'
        """
        arguments = {
            "window": _arguments.names(window),
            "target": _arguments.names(target),
            "target_at": target_at,
            "target_params": target_params,
            "source": source,
            "tasks": _arguments.names(tasks),
            "metrics": _arguments.names(metrics),
            "stats": _arguments.names(stats),
            "grid": _arguments.count(grid, "grid"),
            "thresholds": None if thresholds is None else {str(k): float(v) for k, v in thresholds.items()},
            "deltas": _arguments.names(deltas),
            "metadata": _arguments.names(metadata),
            "filters": _arguments.once(filters, equal, "features"),
            "where": where,
            "long": long,
            "save": save,
        }
        return self._read("features", arguments)

    def save_predictions(
        self,
        predictions: Any,
        name: str,
        *,
        read_at: int | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> pa.Table:
        """Keep predictions in the lake, as the table `predictions.<name>`, with how they were made.

        Args:
            predictions: A table (Arrow, Polars, pandas, or anything with `__arrow_c_stream__`), or the path of a
                .parquet or .csv file: a row per item and model, with the columns model and predicted, and usually
                actual, lower, upper, fold and what names the item.
            name: Of the table; a former one is replaced.
            read_at: The snapshot that the predictions were made from; default: the one that this lake reads.
            config: How they were made, as what JSON can hold; kept in `predictions.saved` with the snapshot.

        Returns:
            One row: table_name, n_rows, snapshot.

        Raises:
            InvalidError: A column is missing or has the wrong type, or the name is none.
            NotFoundError: There is no such file or lake.
            StorageError: The lake cannot be written.

        Example:
            >>> saved = lake.save_predictions({"model": ["mean"], "actual": [0.5], "predicted": [0.4]}, "mine")
            >>> lake.sql("SELECT predicted FROM predictions.mine")["predicted"].to_pylist()
            [0.4]
        """
        at = self.snapshot if read_at is None else operator.index(read_at)
        text = None if config is None else json.dumps(config, sort_keys=True, allow_nan=False)
        newest = self._with(snapshot=None)  # which alone can be written
        with _arguments.as_file(predictions) as file:
            arguments = {"predictions": file, "name": name, "read_at": at, "config": text}
            return newest._read("save_predictions", arguments)

    def decision_accuracy(
        self,
        small: str | Iterable[str] | None = None,
        target: str = "1B",
        metric: str | Iterable[str] = "primary_metric",
        task: str | Iterable[str] | None = None,
        *,
        step: str | float = "last",
        target_metric: str | None = None,
        seeds: str = "mean",
        bootstrap: int = 1000,
        random_seed: int = 0,
        progress: Show = True,
    ) -> pa.Table:
        """Tell how often small models order two recipes as the target size does (arXiv 2504.11393).

        A recipe's score is its mean over the seeds that have a value; null and NaN are none. The target
        is its last step that all its recipes have. A pair that ties at either size counts as wrong.
        Metrics of which less is better (perplexities, bits_per_byte_corr, no_answer) are turned around.

        Args:
            small: The small sizes; default: all that are smaller than the target.
            target: The size to predict.
            metric: Metrics of `evals`, perplexities (`pile-valppl`), or "all" 28 of `evals`.
            task: Tasks; default: all. Perplexities have none: with them alone, a task is refused.
            step: "last" (the last checkpoint that the recipes have in common), "all", a share of that last
                step ("25%" or 0.25), or a number of steps; recipes without a value at that number are left out.
            target_metric: The metric at the target; default: each metric itself. A proxy such as
                `correct_prob` may predict `primary_metric`.
            seeds: "mean" over seeds, or "single": each seed of the small size decides alone, n_pairs and
                n_correct are sums over seeds.
            bootstrap: Resamples of recipes, and of the seeds of each, for the 95 % percentile interval
                `low` to `high`; 0 for none.
            random_seed: Of the resamples; the same gives the same intervals.
            progress: True for a progress bar where one can be seen, False for none, or a function to call.

        Returns:
            One row per task, metric, small size and step: compute in FLOPs and as a share of the target's,
            n_recipes, n_pairs, n_correct, n_ties, decision_accuracy, low, high, recipe_noise (deviation over
            seeds, pooled), recipe_spread (deviation of the recipes' means), what is missing, and the refusal
            where there is no answer.

        Raises:
            NotFoundError: The lake has no such size, or there is no such metric or task.
            InvalidError: No row has an answer: too few recipes, or no step in common.

        Example:
            >>> table = lake.decision_accuracy("4M", target="20M", task="arc_easy", progress=False)
            >>> table.select(["small", "n_recipes", "n_pairs"]).to_pylist()
            [{'small': '4M', 'n_recipes': 2, 'n_pairs': 1}]
        """
        compared = _arguments.compared(small, metric, task, step)
        targeted = _arguments.targeted(target, target_metric, seeds, bootstrap, random_seed)
        with bar("decision_accuracy", progress) as report:
            return self._read("decision_accuracy", {**compared, **targeted}, report)

    def compute_frontier(
        self,
        small: str | Iterable[str] | None = None,
        target: str = "1B",
        metric: str | Iterable[str] = "primary_metric",
        task: str | Iterable[str] | None = None,
        *,
        step: str | float = "all",
        target_metric: str | None = None,
        seeds: str = "mean",
        bootstrap: int = 1000,
        random_seed: int = 0,
        progress: Show = True,
    ) -> pa.Table:
        """Give the best decision accuracy for its compute: the sizes and steps that no cheaper one equals.

        The best of many noisy rows flatters: read it with `low` and `high`.

        Args:
            small: As in `decision_accuracy`.
            target: As in `decision_accuracy`.
            metric: As in `decision_accuracy`.
            task: As in `decision_accuracy`.
            step: As in `decision_accuracy`, "all" unless given.
            target_metric: As in `decision_accuracy`.
            seeds: As in `decision_accuracy`.
            bootstrap: As in `decision_accuracy`.
            random_seed: As in `decision_accuracy`.
            progress: As in `decision_accuracy`.

        Returns:
            Rows of `decision_accuracy`, by task, metric and compute, each more accurate than all before it.

        Raises:
            NotFoundError: As in `decision_accuracy`.
            InvalidError: As in `decision_accuracy`.

        Example:
            >>> frontier = lake.compute_frontier(target="20M", task="arc_easy", progress=False)
            >>> frontier["decision_accuracy"].to_pylist() == sorted(set(frontier["decision_accuracy"].to_pylist()))
            True
        """
        compared = _arguments.compared(small, metric, task, step)
        targeted = _arguments.targeted(target, target_metric, seeds, bootstrap, random_seed)
        with bar("compute_frontier", progress) as report:
            return self._read("compute_frontier", {**compared, **targeted}, report)

    def recipe_noise(
        self,
        small: str | Iterable[str] | None = None,
        metric: str | Iterable[str] = "primary_metric",
        task: str | Iterable[str] | None = None,
        *,
        step: str | float = "last",
    ) -> pa.Table:
        """Measure how far the seeds of a recipe lie apart, beside how far recipes do.

        Args:
            small: Sizes; default: all.
            metric: As in `decision_accuracy`.
            task: As in `decision_accuracy`.
            step: As in `decision_accuracy`, among the checkpoints at which each recipe has two seeds.

        Returns:
            One row per task, metric, size and step: recipe_noise (deviation over seeds, pooled over recipes),
            least_noise and most_noise of a recipe, recipe_spread (deviation of the recipes' means),
            spread_to_noise. A single recipe's deviations are in the table `std_eval`.

        Raises:
            NotFoundError: The lake has no such size, or there is no such metric or task.
            InvalidError: No recipe has two seeds at one step.

        Example:
            >>> lake.recipe_noise("20M", task="arc_easy").column("n_recipes").to_pylist()
            [2]
        """
        return self._read("recipe_noise", _arguments.compared(small, metric, task, step))
