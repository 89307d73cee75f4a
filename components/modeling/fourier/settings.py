"""How the frequencies of an image are used: a filter before the network, and the spectrum as a further input."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
import math
from typing import Any, get_args, Literal

from components.shared.runtime.errors import ContractError

FrequencyFilter = Literal["none", "low_pass", "high_pass", "band_pass"]
MAX_SPECTRUM_BINS = 256
_CUT_OFFS = {"none": (), "low_pass": ("high",), "high_pass": ("low",), "band_pass": ("low", "high")}


@dataclass(frozen=True, kw_only=True, slots=True)
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
    low: float | None = None
    high: float | None = None
    spectrum_bins: int = 0

    def __post_init__(self) -> None:
        if self.filter not in get_args(FrequencyFilter):
            choices = ", ".join(get_args(FrequencyFilter))
            raise ContractError(f"fourier.filter must be one of {choices}, got {self.filter!r}")
        for name in ("low", "high"):
            _check_cut_off(name, getattr(self, name), self.filter)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ContractError(f"fourier.low must be below fourier.high, got {self.low} and {self.high}")
        bins = self.spectrum_bins
        if not isinstance(bins, int) or isinstance(bins, bool) or not 0 <= bins <= MAX_SPECTRUM_BINS:
            raise ContractError(f"fourier.spectrum_bins must be a whole number, 0 to {MAX_SPECTRUM_BINS}, got {bins!r}")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def fourier_settings_from(content: Mapping[str, Any]) -> FourierSettings:
    """Read what a problem file, a bundle or a store holds; ContractError if a key or value is unknown."""
    if not isinstance(content, Mapping):
        raise ContractError(f"fourier must be a mapping, got {content!r}")
    known = [item.name for item in fields(FourierSettings)]
    unknown = [name for name in content if name not in known]
    if unknown:
        raise ContractError(f"unknown key 'fourier.{unknown[0]}'; known keys are {', '.join(known)}")
    return FourierSettings(**content)


def _check_cut_off(name: str, value: Any, chosen: str) -> None:
    if name not in _CUT_OFFS[chosen]:
        if value is not None:
            raise ContractError(f"fourier.{name} must be left out where fourier.filter is {chosen}, got {value!r}")
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not 0.0 < value <= 1.0:
        raise ContractError(
            f"fourier.{name} must be a share of the Nyquist frequency, above 0 to 1, where fourier.filter is {chosen}, "
            f"got {value!r}"
        )
