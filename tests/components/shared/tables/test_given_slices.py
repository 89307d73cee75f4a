import numpy as np
import pyarrow as pa

from components.shared.tables.given_slices import slice_masks


def test_values_are_slices_and_missing_ones_are_one_too() -> None:
    masks = slice_masks(
        {"region": pa.array(["north", "south", None, "north"]), "vip": pa.array([True, False, True, True])}
    )
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "region = north": [True, False, False, True],
        "region = south": [False, True, False, False],
        "region is missing": [False, False, True, False],
        "vip = True": [True, False, True, True],
        "vip = False": [False, True, False, False],
    }


def test_many_numbers_are_cut_into_quarters_and_many_texts_into_the_most_frequent() -> None:
    masks = slice_masks({"age": pa.array([*range(100), None])})
    assert [int(mask.sum()) for mask in masks.values()] == [25, 25, 25, 25, 1]
    assert list(masks)[:2] == ["age below 24.75", "age from 24.75 up to 49.5"]
    texts = slice_masks({"name": pa.array([f"n{number}" for number in range(80)] * 2 + ["common"] * 5)})
    assert len(texts) == 50
    assert np.sum(texts["name = common"]) == 5
