"""What the differences of two schemas come to: whether any of them breaks something, as text and in one sentence."""

from dataclasses import dataclass

from components.data_validation.schemas.schema_diff import SchemaDifference


@dataclass(frozen=True, slots=True)
class SchemaDiffResult:
    """All differences of two schemas, by column, and what they come to."""

    differences: tuple[SchemaDifference, ...]

    @property
    def breaking(self) -> bool:
        """Whether any difference breaks old data or old consumers."""
        return any(difference.breaking for difference in self.differences)

    @property
    def table(self) -> str:
        """The differences as text to be printed, one a line."""
        lines = [
            f"{'BREAKING' if item.breaking else 'ok':<8}  {item.what:<19}  {item.message}" for item in self.differences
        ]
        return "\n".join(lines) or self.reason

    @property
    def reason(self) -> str:
        """One sentence."""
        breaking = [item for item in self.differences if item.breaking]
        if breaking:
            more = f" (and {len(breaking) - 1} more breaking differences)" if len(breaking) > 1 else ""
            return breaking[0].message + more
        if self.differences:
            return f"{len(self.differences)} differences, none of them breaking"
        return "the two schemas say the same"
