"""How often a planted weak slice comes first, and how often one is reported on errors at random.

    python -m benchmarks.weak_slices
    python -m benchmarks.weak_slices --taxi data.csv --photos cats_dogs --only taxi

Asked: a planted slice comes first in at least 90% of the runs, that is, the first slice reported shares at least half
of the rows that are in either; on errors at random any slice is reported in at most 5%. Every rate stands with its 95%
interval (Clopper-Pearson). With `--sliceline`, sliceline (to be installed beside) searches the same
tables.

`--taxi` is a CSV file of Chicago's taxi trips: a boosted classifier of big tips is trained on half of it, and in the
other half the labels of one pickup area are flipped in 40%. `--photos` is a folder with one folder of photos a class:
in a logistic regression on small photos, 40% of the labels of the darkest tenth are flipped.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
import time
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from scipy.stats import binomtest
import typer

from components.model_analysis.slices.conditions import is_number, slice_mask
from components.model_analysis.slices.weak_slices import find_weak_slices, MIN_EXAMPLES
from components.model_analysis.traits.image_traits import IMAGE_TRAITS, image_traits

Columns = dict[str, pa.Array]
Made = tuple[Columns, np.ndarray, np.ndarray]
_SAME, _FLIPPED = 0.5, 0.4
_TAXI_COLUMNS = (
    "pickup_community_area", "dropoff_community_area", "fare", "trip_miles", "trip_seconds", "trip_start_hour",
    "trip_start_day", "trip_start_month", "payment_type", "company", "pickup_latitude", "pickup_longitude",
)  # fmt: skip


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
    return texts | {name: pa.array(values) for name, values in numbers.items()}, errors.astype(float), planted


def healthy(rng: np.random.Generator) -> Made:
    """1,000 people whose errors lie at random, 5% to 30% of them."""
    columns, errors, planted = people(rng, 1000, is_planted=False)
    return columns, (rng.random(len(errors)) < rng.uniform(0.05, 0.3)).astype(float), planted


def healthy_numbers(rng: np.random.Generator) -> Made:
    """The same with errors that are numbers, of which some are very large."""
    columns, errors, planted = people(rng, 1000, is_planted=False)
    return columns, rng.lognormal(0, 1, len(errors)), planted


def taxi_trips(path: Path) -> Callable[[np.random.Generator], Made]:
    """Trips of a file, with a planted area: see the module."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = pa_csv.read_csv(path)
    label = np.nan_to_num(_numbers(table["tips"])) > 0.2 * np.nan_to_num(_numbers(table["fare"]))
    columns = {name: table[name].combine_chunks() for name in _TAXI_COLUMNS}
    coded = np.column_stack([_coded(values) for values in columns.values()])
    half = np.random.default_rng(0).random(len(label)) < 0.5
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(coded[half], label[half])
    answers = model.predict(coded[~half])
    kept = {name: values.filter(pa.array(~half)) for name, values in columns.items()}
    areas = np.nan_to_num(_numbers(kept["pickup_community_area"]), nan=-1.0)
    known, counts = np.unique(areas[areas >= 0], return_counts=True)
    large = known[counts >= 60]

    def make(rng: np.random.Generator) -> Made:
        planted = areas == rng.choice(large)
        return kept, (answers != _flipped(label[~half], planted, rng)).astype(float), planted

    return make


def dark_photos(folder: Path) -> Callable[[np.random.Generator], Made]:
    """Photos of a folder, the darkest mislabelled: see the module."""
    from PIL import Image
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    files = sorted(path for path in folder.glob("*/*") if path.is_file())
    label = np.array([path.parent.name != files[0].parent.name for path in files])
    traits = [image_traits(path.read_bytes()) for path in files]
    columns: Columns = {name: pa.array([item[name] for item in traits], kind) for name, kind in IMAGE_TRAITS.items()}
    small = np.array([np.asarray(Image.open(path).convert("RGB").resize((12, 12))).ravel() / 255.0 for path in files])
    answers = cross_val_predict(LogisticRegression(C=0.01, max_iter=200), small, label, cv=5)
    light = _numbers(columns["brightness"])

    def make(rng: np.random.Generator) -> Made:
        planted = light < np.quantile(light, rng.uniform(0.08, 0.2))
        # A model that errs in about 10%, for small photos alone tell little.
        right = np.where(rng.random(len(label)) < 0.8, label, answers)
        return columns, (right != _flipped(label, planted, rng)).astype(float), planted

    return make


def comes_first(
    repeats: int, make: Callable[[np.random.Generator], Made], search: Callable[..., Any]
) -> Iterator[bool]:
    """Whether the first slice that a search finds is the planted one."""
    for seed in range(repeats):
        columns, errors, planted = make(np.random.default_rng(seed))
        rows = search(columns, errors)
        yield rows is not None and (rows & planted).sum() >= _SAME * (rows | planted).sum()


def reports_any(
    repeats: int, make: Callable[[np.random.Generator], Made], search: Callable[..., Any]
) -> Iterator[bool]:
    """Whether a search finds anything."""
    for seed in range(repeats):
        columns, errors, _ = make(np.random.default_rng(seed))
        yield search(columns, errors) is not None


def ours(columns: Columns, errors: np.ndarray) -> np.ndarray | None:
    """The rows of the first slice that is reported; None where none is."""
    found = find_weak_slices(columns, errors).slices
    return slice_mask(found[0].conditions, columns) if found else None


def sliceline(columns: Columns, errors: np.ndarray) -> np.ndarray | None:
    """The rows of sliceline's first slice, of columns whose numbers are cut at their deciles."""
    from sliceline.slicefinder import Slicefinder

    cut = np.column_stack([_cut(values) for values in columns.values()])
    finder = Slicefinder(alpha=0.95, k=1, max_l=3, min_sup=max(MIN_EXAMPLES, len(errors) // 100), verbose=False)
    finder.fit(cut, errors)
    if not len(finder.top_slices_):
        return None
    first = finder.top_slices_[0]
    rows = np.ones(len(errors), dtype=bool)
    for column, value in enumerate(first):
        if value is not None:
            rows &= cut[:, column] == value
    return rows


def _flipped(label: np.ndarray, planted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return label ^ (planted & (rng.random(len(label)) < _FLIPPED))


def _falling(num_values: int, slope: float) -> np.ndarray:
    weights = (np.arange(num_values) + 1.0) ** -slope
    return weights / weights.sum()


def _numbers(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return np.asarray(
        values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if isinstance(values, pa.Array)
        else values.combine_chunks().cast(pa.float64()).to_numpy(zero_copy_only=False)
    )


def _coded(values: pa.Array) -> np.ndarray:
    if is_number(values.type):
        return _numbers(values)
    return np.asarray(values.dictionary_encode().indices.cast(pa.float64()).to_numpy(zero_copy_only=False))


def _cut(values: pa.Array) -> np.ndarray:
    coded = np.nan_to_num(_coded(values), nan=-1.0)
    if len(np.unique(coded)) <= 20:
        return coded
    return np.searchsorted(np.unique(np.quantile(coded, np.arange(1, 10) / 10)), coded, side="right").astype(float)


def print_rate(what: str, asked: str, found: Iterator[bool]) -> None:
    """Count a line's outcomes, and print their share with its interval."""
    started = time.process_time()
    outcomes = [bool(outcome) for outcome in found]
    count = sum(outcomes)
    interval = binomtest(count, len(outcomes)).proportion_ci(0.95)
    print(
        f"{what:<52} {len(outcomes):6,} {asked:>12} {count / len(outcomes):8.2%} {interval.low:8.2%} to "
        f"{interval.high:7.2%} {(time.process_time() - started) / len(outcomes) * 1000:8.1f}",
        flush=True,
    )


def lines(
    repeats: int, plants: int, taxi: Path | None, photos: Path | None, search: Callable[..., Any]
) -> Iterator[tuple[str, str, Callable[[], Iterator[bool]]]]:
    """What is counted, what is asked of it, and how."""
    yield "errors at random, 1,000 rows: any reported", "at most 5%", lambda: reports_any(repeats, healthy, search)
    numbers = lambda: reports_any(repeats // 4, healthy_numbers, search)  # noqa: E731
    yield "errors that are numbers, 1,000 rows: any reported", "at most 5%", numbers
    yield "194 of 8,000 at 35% against 15%: first", "at least 90%", lambda: comes_first(plants, people, search)
    if taxi is not None:
        make_taxi = taxi_trips(taxi)
        yield "taxi: one area's labels flipped: first", "at least 90%", lambda: comes_first(plants, make_taxi, search)
    if photos is not None:
        make_photos = dark_photos(photos)
        yield "photos: dark ones mislabelled: first", "at least 90%", lambda: comes_first(plants, make_photos, search)


def main(
    repeats: Annotated[int, typer.Option(help="Runs on errors at random.", min=4)] = 2000,
    plants: Annotated[int, typer.Option(help="Runs of each plant.", min=1)] = 2000,
    taxi: Annotated[Path | None, typer.Option(help="A CSV file of taxi trips.")] = None,
    photos: Annotated[Path | None, typer.Option(help="A folder with one folder of photos a class.")] = None,
    with_sliceline: Annotated[bool, typer.Option("--sliceline", help="Let sliceline search, not us.")] = False,
    only: Annotated[str, typer.Option(help="Only lines that say this.")] = "",
) -> None:
    """Print how often a planted slice comes first, and how often chance is reported."""
    print(f"{'':<52} {'runs':>6} {'asked':>12} {'observed':>8} {'95% interval':>19} {'CPU ms':>8}")
    for what, asked, found in lines(repeats, plants, taxi, photos, sliceline if with_sliceline else ours):
        if only in what:
            print_rate(what, asked, found())


if __name__ == "__main__":
    typer.run(main)
