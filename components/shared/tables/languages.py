"""Languages that sentences about people, and words for them, are written in."""

from typing import Literal

Language = Literal["ko", "en"]
