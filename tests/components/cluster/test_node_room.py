"""Quantities as Kubernetes writes them."""

from decimal import Decimal

import pytest

from components.cluster.node_room import quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        (3, 3),
        ("0.5", Decimal("0.5")),
        ("500m", Decimal("0.5")),
        ("250000u", Decimal("0.25")),
        ("1500000n", Decimal("0.0015")),
        ("1Ki", 1024),
        ("16Gi", 16 * 2**30),
        ("1Ei", 2**60),
        ("129k", 129_000),
        ("5M", 5_000_000),
        ("1E", 10**18),
        ("128974848", 128974848),
        ("1e3", 1000),
    ],
)
def test_a_quantity_is_a_number(text, number):
    assert quantity(text) == number
