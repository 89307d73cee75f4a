import numpy as np
import pytest
import torch

from components.modeling.augmentation.host_values import HostValues


def test_arrays_of_all_shapes_and_types_arrive_in_one_piece():
    host = HostValues()
    given = [
        np.arange(3),
        np.linspace(0, 1, 5),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.empty((0, 4)),
        np.array(2**40),
        np.flatnonzero(np.ones(7)),
    ]
    values = [host.add(array) for array in given]
    host.send(torch.device("cpu"))
    for array, value in zip(given, values, strict=True):
        assert value().dtype == (torch.float32 if array.dtype.kind == "f" else torch.int64)
        assert value().shape == array.shape
        np.testing.assert_array_equal(value().numpy(), array.astype(np.float32 if array.dtype.kind == "f" else int))
    assert len({value().untyped_storage().data_ptr() for value in values}) == 1


def test_values_are_there_once_they_were_sent():
    host = HostValues()
    value = host.add(np.array([1.5]))
    with pytest.raises(RuntimeError, match="must be sent before they are asked for"):
        value()
    host.send(torch.device("cpu"))
    assert value().tolist() == [1.5]
    with pytest.raises(RuntimeError, match="must be added before they are sent"):
        host.add(np.array([1.5]))


def test_nothing_to_send_is_fine():
    HostValues().send(torch.device("cpu"))


@pytest.mark.gpu
def test_values_arrive_on_the_gpu():
    host = HostValues()
    rows, factors = host.add(np.arange(5)), host.add(np.linspace(0, 1, 5))
    host.send(torch.device("cuda"))
    assert rows().is_cuda
    assert rows().tolist() == list(range(5))
    np.testing.assert_array_equal(factors().cpu().numpy(), np.linspace(0, 1, 5).astype(np.float32))
