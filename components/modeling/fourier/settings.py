"""How the frequencies of an image are used: a filter before the network, and the spectrum as a further input."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import settings_from, settings_model
from components.shared.runtime.settings_words import Words

FrequencyFilter = Literal["none", "low_pass", "high_pass", "band_pass"]
MAX_SPECTRUM_BINS = 256
_A_SHARE = "a share of the Nyquist frequency, above 0 to 1"
_CutOff = Annotated[float, Gt(0), Le(1), Words(_A_SHARE)]
_CUT_OFFS = {"none": (), "low_pass": ("high",), "high_pass": ("low",), "band_pass": ("low", "high")}


@settings_model
class FourierSettings:
    """A frequency filter, and the radial power spectrum as a further input of the network.

    Attributes
    ----------
    filter
        `none`; `low_pass` keeps what is coarser than `high`, `high_pass` what is finer than `low`, `band_pass` what
        lies between.
    low, high
        Cut-offs as shares of the Nyquist frequency, above 0 to 1; None where the filter has none on that side.
    spectrum_bins
        Rings of the radial power spectrum that the network gets beside the image; 0 for no spectrum.
    """

    filter: FrequencyFilter = "none"
    low: _CutOff | None = None
    high: _CutOff | None = None
    spectrum_bins: Annotated[int, Ge(0), Le(MAX_SPECTRUM_BINS)] = 0

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            _check_cut_off(name, getattr(self, name), self.filter)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ContractError(f"low must be below fourier.high, got {self.low} and {self.high}")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def fourier_settings_from(content: Mapping[str, Any]) -> FourierSettings:
    """Read what a problem file, a bundle or a store holds; ContractError if a key or value is unknown."""
    return settings_from(FourierSettings, content, key="fourier")


def _check_cut_off(name: str, value: Any, chosen: str) -> None:
    if name not in _CUT_OFFS[chosen] and value is not None:
        raise ContractError(f"{name} must be left out where fourier.filter is {chosen}, got {value!r}")
    if name in _CUT_OFFS[chosen] and value is None:
        raise ContractError(f"{name} must be {_A_SHARE}, where fourier.filter is {chosen}, got none")
