"""Which device a step computes on."""

import pytest
import torch

from components.modeling.gpu.devices import choose_device, mixed_precision


def test_a_cpu_computes_in_float32():
    assert mixed_precision(choose_device("cpu")) == "32-true"


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="device must be auto, cpu or cuda, got 'tpu'"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what happens without a GPU")
def test_asking_for_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="torch finds none"):
        choose_device("cuda")


@pytest.mark.gpu
def test_a_gpu_is_taken_where_there_is_one():
    device = choose_device("auto")
    assert device.type == "cuda"
    assert mixed_precision(device) in ("bf16-mixed", "16-mixed")
