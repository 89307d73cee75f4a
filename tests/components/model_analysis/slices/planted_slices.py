"""Tables with a planted weak slice, and healthy twins: the same columns, errors by chance.

Four families of tables. `people` was looked at while the search was written; `photos` (other sizes, other shapes of
numbers, other plants) was kept apart, and measured once it was done. In `trips` and in `comments`, which was kept apart
likewise, the model is weak by nature somewhere, and its confidence says so: the plant is what it does not know of.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlantedTable:
    """Columns of N rows, each row's error, and which rows are weak, shape (N,), bool; none of a healthy twin.

    `confidence` has the shape (N,): what the model gives its answer, 0 to 1; None where a family has no model.
    """

    columns: dict[str, pa.Array]
    errors: np.ndarray
    planted: np.ndarray
    names: tuple[str, ...]
    confidence: np.ndarray | None = None


def people(plant: str, seed: int, *, num_rows: int = 8000) -> PlantedTable:
    """A table of people with a plant: `pair`, `tail`, `value`, `band`, `numbers` or `none`.

    A pair is weak on exactly 194 of 8,000 rows, at 35% against 15%.
    """
    rng = np.random.default_rng(seed)
    age = np.clip(rng.gamma(6, 6.5, num_rows), 17, 90).astype(int)
    education = _category(rng, num_rows, 9, 0.8)
    arrays = {
        "age": age,
        "education": education,
        "occupation": np.where(rng.random(num_rows) < 0.4, education, _category(rng, num_rows, 13, 0.5)),
        "marital": np.where(age < 28, 0, _category(rng, num_rows, 5, 0.7)),
        "region": _category(rng, num_rows, 12, 0.3),
        "sex": rng.integers(0, 2, num_rows),
        "hours": np.where(rng.random(num_rows) < 0.5, 40, np.clip(rng.normal(40, 12, num_rows), 1, 99)).astype(int),
        "gain": np.where(rng.random(num_rows) < 0.9, 0.0, rng.lognormal(8, 1, num_rows)),
        "weight": rng.lognormal(0, 0.5, num_rows),
    }
    texts = ("education", "occupation", "marital", "region", "sex")
    planted, names = _plant(arrays, plant, rng)
    columns = {
        name: pa.array([f"{name[:3]}-{value}" for value in values] if name in texts else values)
        for name, values in arrays.items()
    }
    weak, usual = (0.35, 0.15) if plant in ("pair", "value") else (0.30, 0.15)
    errors = (rng.random(num_rows) < np.where(planted, weak, usual)).astype(float)
    if plant == "numbers":
        errors = rng.exponential(1.0, num_rows) * np.where(planted, 1.8, 1.0)
    return PlantedTable(columns=columns, errors=errors, planted=planted, names=names)


def photos(plant: str, seed: int, *, num_rows: int = 1500) -> PlantedTable:
    """Traits of photos with a plant: `dark`, `blurred`, `camera`, `dark camera`, `off centre`, `numbers` or `none`."""
    rng = np.random.default_rng(seed)
    light = rng.beta(4, 3, num_rows)
    arrays = {
        "brightness": np.clip(light + rng.normal(0, 0.05, num_rows), 0, 1),
        "contrast": np.clip(0.4 * light + rng.normal(0, 0.07, num_rows), 0, 1),
        "sharpness": rng.lognormal(-5, 1.2, num_rows),
        "saturation": rng.beta(2, 4, num_rows),
        "off_centre": rng.beta(1.5, 6, num_rows),
        "image_width": rng.choice([320, 400, 499, 500, 640], num_rows),
        "image_bytes": rng.lognormal(10, 0.4, num_rows).astype(int),
        "cluster": _category(rng, num_rows, 10, 0.4),
        "camera": _category(rng, num_rows, 6, 0.6),
    }
    share = rng.uniform(0.08, 0.2)
    masks = {
        "dark": arrays["brightness"] < np.quantile(arrays["brightness"], share),
        "blurred": arrays["sharpness"] < np.quantile(arrays["sharpness"], share),
        "off centre": arrays["off_centre"] > np.quantile(arrays["off_centre"], 1 - share),
        "camera": arrays["camera"] == 2,
        "dark camera": (arrays["camera"] == 0) & (arrays["brightness"] < np.quantile(arrays["brightness"], 0.3)),
        "numbers": (arrays["camera"] == 1) & (arrays["sharpness"] > np.quantile(arrays["sharpness"], 0.5)),
        "none": np.zeros(num_rows, dtype=bool),
    }
    names = {
        "dark": ("brightness",),
        "blurred": ("sharpness",),
        "off centre": ("off_centre",),
        "camera": ("camera",),
        "dark camera": ("brightness", "camera"),
        "numbers": ("camera", "sharpness"),
        "none": (),
    }
    planted = masks[plant]
    errors = (rng.random(num_rows) < np.where(planted, 0.4, 0.1)).astype(float)
    if plant == "numbers":
        errors = rng.gamma(2.0, 1.0, num_rows) ** 2 * np.where(planted, 4.0, 1.0)
    columns = {
        name: pa.array([f"{name} {value}" for value in values] if name == "camera" else values)
        for name, values in arrays.items()
    }
    return PlantedTable(columns=columns, errors=errors, planted=planted, names=names[plant])


def trips(plant: str, seed: int, *, num_rows: int = 6000) -> PlantedTable:
    """Trips whose tip is hard to tell when paid by card, and the model knows; 40% of the plant's labels are flipped.

    Plants: `area`, `area at night`, `long` or `none`.
    """
    rng = np.random.default_rng(seed)
    arrays = {
        "payment": rng.choice(["cash", "card", "other"], num_rows, p=[0.6, 0.35, 0.05]),
        "area": _category(rng, num_rows, 15, 0.7),
        "company": _category(rng, num_rows, 8, 0.5),
        "miles": rng.gamma(1.5, 2.5, num_rows),
        "hour": rng.integers(0, 24, num_rows),
    }
    natural = np.where(arrays["payment"] == "card", 0.3 + 0.05 * np.tanh(arrays["miles"] - 3.0), 0.01)
    area = rng.integers(0, 15)
    planted, names = {
        "area": (arrays["area"] == area, ("area",)),
        "area at night": ((arrays["area"] == rng.integers(0, 3)) & (arrays["hour"] < 10), ("area", "hour")),
        "long": (arrays["miles"] > np.quantile(arrays["miles"], rng.uniform(0.85, 0.95)), ("miles",)),
        "none": (np.zeros(num_rows, dtype=bool), ()),
    }[plant]
    errors = (rng.random(num_rows) < natural) ^ (planted & (rng.random(num_rows) < 0.4))
    columns = {
        name: pa.array([f"area {value}" for value in values] if name == "area" else values)
        for name, values in arrays.items()
    }
    return PlantedTable(
        columns=columns, errors=errors.astype(float), planted=planted, names=names, confidence=_sure(natural, rng, 1.3)
    )


def comments(plant: str, seed: int, *, num_rows: int = 2500) -> PlantedTable:
    """Comments of three classes, the shorter the harder, which the model half knows; half of the plant's are wrong.

    Plants: `source`, `emoji`, `source of digits` or `none`.
    """
    rng = np.random.default_rng(seed)
    arrays = {
        "text_length": rng.lognormal(3.3, 0.8, num_rows).astype(int) + 1,
        "share_emoji": np.where(rng.random(num_rows) < 0.7, 0.0, rng.beta(1, 8, num_rows)),
        "share_digits": rng.beta(1, 6, num_rows),
        "source": _category(rng, num_rows, 6, 0.5),
        "cluster": _category(rng, num_rows, 10, 0.3),
    }
    natural = 0.03 + 0.4 * np.exp(-arrays["text_length"] / 12.0)
    with_emoji = arrays["share_emoji"] > np.quantile(arrays["share_emoji"], rng.uniform(0.85, 0.93))
    planted, names = {
        "source": (arrays["source"] == rng.integers(2, 6), ("source",)),
        "emoji": (with_emoji, ("share_emoji",)),
        "source of digits": (
            (arrays["source"] == 0) & (arrays["share_digits"] > np.median(arrays["share_digits"])),
            ("share_digits", "source"),
        ),
        "none": (np.zeros(num_rows, dtype=bool), ()),
    }[plant]
    errors = rng.random(num_rows) < np.where(planted, np.maximum(natural, 0.5), natural)
    columns = {
        name: pa.array([f"from {value}" for value in values] if name == "source" else values)
        for name, values in arrays.items()
    }
    return PlantedTable(
        columns=columns, errors=errors.astype(float), planted=planted, names=names, confidence=_sure(natural, rng, 1.6)
    )


def _sure(natural: np.ndarray, rng: np.random.Generator, temperature: float) -> np.ndarray:
    """Confidence of a model that knows about how often it errs, and is too sure of itself, shape (N,)."""
    odds = np.log((1.0 - natural) / natural) + rng.normal(0, 0.4, len(natural))
    return np.asarray(1.0 / (1.0 + np.exp(-temperature * odds)))


def agreement(rows: np.ndarray, planted: np.ndarray) -> float:
    """Rows that both masks hold, as a share of those that either holds, 0 to 1 (Jaccard)."""
    either = (rows | planted).sum()
    return float((rows & planted).sum() / either) if either else 0.0


def _category(rng: np.random.Generator, num_rows: int, num_values: int, slope: float) -> np.ndarray:
    weights = (np.arange(num_values) + 1.0) ** -slope
    return rng.choice(num_values, num_rows, p=weights / weights.sum())


def _plant(arrays: dict[str, np.ndarray], plant: str, rng: np.random.Generator) -> tuple[np.ndarray, tuple[str, ...]]:
    num_rows = len(arrays["age"])
    if plant in ("none",):
        return np.zeros(num_rows, dtype=bool), ()
    if plant == "value":
        return arrays["region"] == rng.integers(3, 12), ("region",)
    if plant in ("tail", "band"):
        low, high = (0.0, rng.uniform(0.05, 0.2)) if plant == "tail" else (0.4, 0.55)
        edges = np.quantile(arrays["weight"], [low, high])
        return (arrays["weight"] >= edges[0]) & (arrays["weight"] < edges[1]), ("weight",)
    # Two values that 194 of 8,000 rows have: others' values are changed until it is so many.
    first, second = (int(number) for number in rng.integers(0, (13, 12)))
    is_both = (arrays["occupation"] == first) & (arrays["region"] == second)
    wanted = round(194 / 8000 * num_rows)
    more = rng.permutation(np.flatnonzero(~is_both))[: max(wanted - int(is_both.sum()), 0)]
    arrays["occupation"][more], arrays["region"][more] = first, second
    fewer = rng.permutation(np.flatnonzero(is_both))[: max(int(is_both.sum()) - wanted, 0)]
    arrays["region"][fewer] = (second + 1) % 12
    return (arrays["occupation"] == first) & (arrays["region"] == second), ("occupation", "region")
