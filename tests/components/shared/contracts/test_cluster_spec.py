"""Amounts in the form that Kubernetes writes: what an API server made of them."""

import pytest

from components.shared.contracts.cluster_spec import canonical_cores, canonical_memory


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("2", "2"), ("2.0", "2"), ("0.5", "500m"), ("2000m", "2"), ("1.5", "1500m"), ("0.0005", "1m"), ("1000", "1k")],
)
def test_cores(written, canonical):
    assert canonical_cores(written) == canonical
    assert canonical == "1k" or canonical_cores(canonical) == canonical


@pytest.mark.parametrize(
    ("written", "canonical"),
    [("512Mi", "512Mi"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("0.5Mi", "512Ki"), ("1024Ti", "1Pi")],
)
def test_memory(written, canonical):
    assert canonical_memory(written) == canonical


def test_memory_is_of_whole_bytes():
    assert canonical_memory("0.1Gi") == "107374183"
    assert canonical_memory("0.0001Mi") == "105"
