"""The budget gate: what a training is forecast to take, held against what it may."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.shared.contracts.problem import BudgetSpec
from components.shared.contracts.verdict import Finding
from components.shared.runtime.settings import parse_settings
from components.training.cost.forecast import Estimate, Forecast

_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetLine:
    """One limit of the problem file (`max_hours`, for one), and the estimate held against it, both in `unit`."""

    limit_name: str
    arithmetic: str  # how the estimate comes about: one training of so many GPU-hours x 5 candidates
    estimate: Estimate
    limit: float
    unit: str

    @property
    def finding(self) -> Finding | None:
        """Blocking where the estimate exceeds the limit, a warning where only its interval does."""
        estimate, limit = self.estimate, self.limit
        if estimate.high <= limit:
            return None
        is_beyond = estimate.central > limit
        value = estimate.central if is_beyond else estimate.high
        interval = f"{estimate.central:.3g} {self.unit} ({estimate.low:.3g} to {estimate.high:.3g})"
        return Finding(
            kind="quality",
            severity="blocking" if is_beyond else "warning",
            name=f"budget.{self.limit_name}",
            message=(
                f"the {'' if is_beyond else 'upper end of the '}forecast of {interval} is {value / limit:.2g} times "
                f"the budget of {limit:g}: {self.arithmetic}"
            ),
            statistic=f"forecast, {self.unit}",
            value=value,
            threshold=limit,
            remedy=(
                "train fewer epochs or candidates, on fewer examples or a smaller network, "
                f"or raise budget.{self.limit_name} in the problem file"
            ),
        )

    @property
    def factor(self) -> float:
        """The estimate as a multiple of the limit."""
        return self.estimate.central / self.limit


def parse_budget(text: str) -> BudgetSpec:
    """Read the budget section of a problem file: JSON, `{"max_hours": 8, "candidates": 5}`; empty for no limit."""
    return parse_settings(BudgetSpec, text, where="the budget", key="budget")


def budget_lines(forecast: Forecast, budget: BudgetSpec) -> list[BudgetLine]:
    """Hold the forecast of one training against a budget: one line a limit that the budget names."""
    return [
        BudgetLine(limit_name=name, arithmetic=arithmetic, estimate=estimate, limit=limit, unit=unit)
        for name, arithmetic, estimate, limit, unit in _limits(forecast, budget)
    ]


def _limits(forecast: Forecast, budget: BudgetSpec) -> Iterator[tuple[str, str, Estimate, float, str]]:
    candidates = f"{budget.candidates} candidate{'s' if budget.candidates > 1 else ''}"
    if budget.max_hours is not None:
        hours = forecast.duration_s.scaled(1 / _HOUR_S)
        yield "max_hours", f"one training of {forecast.max_epochs} epochs", hours, budget.max_hours, "hours"
    if budget.max_gpu_hours is not None:
        one = forecast.gpu_hours
        arithmetic = f"one training of {one.central:.3g} GPU-hours x {candidates}"
        yield "max_gpu_hours", arithmetic, one.scaled(budget.candidates), budget.max_gpu_hours, "GPU-hours"
    if budget.max_money is not None and budget.price_per_gpu_hour is not None:
        price = budget.price_per_gpu_hour
        one = forecast.money(price)
        what = "GPU-hours" if forecast.num_gpus else "hours of the node"
        arithmetic = f"one training of {one.central / price:.3g} {what} x a price of {price:g} x {candidates}"
        yield "max_money", arithmetic, one.scaled(budget.candidates), budget.max_money, "in the currency of the price"
