"""Tables with a planted weak slice, and healthy ones: made up, Chicago's taxi trips, photos."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from components.model_analysis.slices.conditions import is_number
from components.model_analysis.traits.image_traits import IMAGE_TRAITS, image_traits

Columns = dict[str, pa.Array]
# Columns of N rows; errors, which rows are planted, and the model's confidence or None: (N,).
Made = tuple[Columns, np.ndarray, np.ndarray, np.ndarray | None]
Maker = Callable[[np.random.Generator], Made]
Region = Literal["area", "range", "pair"]
Damage = Literal["flipped", "shuffled", "even"]
_FLIPPED, _LEAST_ROWS, _MOST_SHARE = 0.4, 80, 1 / 3
_TAXI_COLUMNS = (
    "pickup_community_area", "dropoff_community_area", "fare", "trip_miles", "trip_seconds", "trip_start_hour",
    "trip_start_day", "trip_start_month", "payment_type", "company", "pickup_latitude", "pickup_longitude",
)  # fmt: skip
_SHUFFLED = ("payment_type", "trip_seconds")
_RANGES = ("fare", "trip_miles", "trip_start_hour")


def people(rng: np.random.Generator, num_rows: int = 8000, *, is_planted: bool = True) -> Made:
    """Eight columns of 8,000 people, errors of 15%, of 35% on the 194 who have two values."""
    columns = {
        f"c{number}": rng.choice(values, num_rows, p=_falling(values, slope))
        for number, (values, slope) in enumerate(((9, 0.8), (13, 0.5), (12, 0.3), (5, 0.7), (2, 0.0)))
    }
    numbers = {"age": rng.gamma(6, 6.5, num_rows), "gain": rng.lognormal(8, 1, num_rows), "w": rng.random(num_rows)}
    planted = np.zeros(num_rows, dtype=bool)
    if is_planted:
        first, second = (int(number) for number in rng.integers(0, (13, 12)))
        columns["c1"][(columns["c1"] == first) & (columns["c2"] == second)] = (first + 1) % 13
        planted[rng.permutation(num_rows)[: round(194 / 8000 * num_rows)]] = True
        columns["c1"][planted], columns["c2"][planted] = first, second
    errors = rng.random(num_rows) < np.where(planted, 0.35, 0.15)
    texts = {name: pa.array([f"v{value}" for value in values]) for name, values in columns.items()}
    return (
        texts | {name: pa.array(values) for name, values in numbers.items()},
        errors.astype(float),
        planted,
        None,
    )


def healthy(rng: np.random.Generator) -> Made:
    """1,000 people whose errors lie at random, 5% to 30% of them."""
    columns, errors, planted, _ = people(rng, 1000, is_planted=False)
    return columns, (rng.random(len(errors)) < rng.uniform(0.05, 0.3)).astype(float), planted, None


def healthy_numbers(rng: np.random.Generator) -> Made:
    """The same with errors that are numbers, of which some are very large."""
    columns, errors, planted, _ = people(rng, 1000, is_planted=False)
    return columns, rng.lognormal(0, 1, len(errors)), planted, None


class TaxiTrips:
    """Trips of a file: a boosted classifier of big tips is trained on half of them, the other half is damaged.

    The model is weak by nature on trips that are paid by card, for tips in cash are not recorded: 30% of its answers
    are wrong there, 0.3% elsewhere.
    """

    def __init__(self, path: Path) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        table = pa_csv.read_csv(path)
        label = np.nan_to_num(as_float(table["tips"])) > 0.2 * np.nan_to_num(as_float(table["fare"]))
        columns = {name: table[name].combine_chunks() for name in _TAXI_COLUMNS}
        coded = np.column_stack([coded_values(values) for values in columns.values()])
        half = np.random.default_rng(0).random(len(label)) < 0.5
        self._model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(coded[half], label[half])
        self._columns = {name: values.filter(pa.array(~half)) for name, values in columns.items()}
        self._coded, self._label = coded[~half], label[~half]

    def maker(self, region: Region, damage: Damage) -> Maker:
        """What plants a region: an area, a range of numbers, or an area in half of a range.

        Of its rows, 40% of the labels are flipped; or payment and duration are those of other trips; or errors are
        even, 12% everywhere, 35% there.
        """

        def make(rng: np.random.Generator) -> Made:
            planted = self._region(region, rng)
            while not _LEAST_ROWS <= planted.sum() <= _MOST_SHARE * len(planted):
                planted = self._region(region, rng)
            return self._damaged(planted, damage, rng)

        return make

    def _region(self, region: Region, rng: np.random.Generator) -> np.ndarray:
        if region == "area":
            areas = self._column(str(rng.choice(["pickup_community_area", "dropoff_community_area"])))
            return np.asarray(areas == rng.choice(np.unique(areas[np.isfinite(areas)])))
        if region == "range":
            return self._tail(str(rng.choice(_RANGES)), rng.uniform(0.03, 0.15), rng)
        return self._region("area", rng) & self._tail(str(rng.choice(_RANGES)), 0.5, rng)

    def _tail(self, name: str, share: float, rng: np.random.Generator) -> np.ndarray:
        values = self._column(name)
        if rng.random() < 0.5:
            return np.asarray(values < np.nanquantile(values, share))
        return np.asarray(values > np.nanquantile(values, 1 - share))

    def _column(self, name: str) -> np.ndarray:
        return self._coded[:, _TAXI_COLUMNS.index(name)]

    def _damaged(self, planted: np.ndarray, damage: Damage, rng: np.random.Generator) -> Made:
        if damage == "even":
            errors = rng.random(len(planted)) < np.where(planted, 0.35, 0.12)
            return self._columns, errors.astype(float), planted, None
        columns, coded, label = dict(self._columns), self._coded.copy(), self._label
        if damage == "flipped":
            label = _flipped(label, planted, rng)
        else:
            taken = np.arange(len(planted))
            taken[planted] = rng.integers(0, len(planted), int(planted.sum()))
            for name in _SHUFFLED:
                columns[name] = columns[name].take(pa.array(taken))
                coded[:, _TAXI_COLUMNS.index(name)] = self._column(name)[taken]
        likely = self._model.predict_proba(coded)[:, 1]
        return columns, ((likely > 0.5) != label).astype(float), planted, np.maximum(likely, 1 - likely)


class Photos:
    """Photos of a folder with one folder a class, and a logistic regression on small ones."""

    def __init__(self, folder: Path) -> None:
        from PIL import Image
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_predict

        files = sorted(path for path in folder.glob("*/*") if path.is_file())
        self._label = np.array([path.parent.name != files[0].parent.name for path in files])
        traits = [image_traits(path.read_bytes()) for path in files]
        self._columns = {name: pa.array([item[name] for item in traits], kind) for name, kind in IMAGE_TRAITS.items()}
        small = [np.asarray(Image.open(path).convert("RGB").resize((12, 12))).ravel() / 255.0 for path in files]
        model = LogisticRegression(C=0.01, max_iter=200)
        self._answers = cross_val_predict(model, np.array(small), self._label, cv=5)

    def maker(self, trait: str, flipped: float) -> Maker:
        """What flips a share of the labels of the photos with the least of a trait: the lowest 8 to 20%."""
        values = as_float(self._columns[trait])

        def make(rng: np.random.Generator) -> Made:
            planted = values <= np.quantile(values, rng.uniform(0.08, 0.2))
            # A model that errs in about 10%, for small photos alone tell little.
            right = np.where(rng.random(len(values)) < 0.8, self._label, self._answers)
            wrong = right != _flipped(self._label, planted, rng, flipped)
            return self._columns, wrong.astype(float), planted, None

        return make


def as_float(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Numbers of a column, shape (N,), float64; `nan` where missing."""
    whole = values if isinstance(values, pa.Array) else values.combine_chunks()
    return np.asarray(whole.cast(pa.float64()).to_numpy(zero_copy_only=False))


def coded_values(values: pa.Array) -> np.ndarray:
    """Numbers as they are, texts by number, shape (N,), float64."""
    return as_float(values if is_number(values.type) else values.dictionary_encode().indices)


def _flipped(label: np.ndarray, planted: np.ndarray, rng: np.random.Generator, share: float = _FLIPPED) -> np.ndarray:
    return np.asarray(label ^ (planted & (rng.random(len(label)) < share)))


def _falling(num_values: int, slope: float) -> np.ndarray:
    weights = (np.arange(num_values) + 1.0) ** -slope
    return weights / weights.sum()
