"""Spectra on the scale of the training rows."""

import itertools

import torch

from components.modeling.fourier.spectrum_scaling import SpectrumScaling


def spectra(num_examples: int, *, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((num_examples, 4), generator=generator) * torch.tensor([0.1, 1.0, 2.0, 0.0]) - 3.0


def test_training_rows_come_out_with_mean_0_and_deviation_1():
    scaling, rows = SpectrumScaling(4), spectra(500)
    scaling.adapt(rows.split(100))
    scaled = scaling(rows)
    assert scaled.mean(dim=0).abs().max() < 1e-4
    torch.testing.assert_close(scaled.std(dim=0, correction=0), torch.tensor([1.0, 1.0, 1.0, 0.0]), atol=1e-4, rtol=0)


def test_training_mode_and_the_batch_change_nothing():
    scaling, rows = SpectrumScaling(4), spectra(8)
    scaling.adapt([rows])
    together = scaling.train()(rows)
    assert torch.equal(scaling.eval()(rows[:1]), together[:1])


def test_no_more_rows_are_asked_for_than_a_scale_needs():
    scaling, asked = SpectrumScaling(4), []
    scaling.adapt(asked.append(number) or spectra(1024, seed=number) for number in itertools.count())
    assert asked == [0, 1, 2, 3]


def test_without_rows_spectra_stay_as_they_are():
    scaling = SpectrumScaling(4)
    scaling.adapt([])
    assert torch.equal(scaling(spectra(3)), spectra(3))
