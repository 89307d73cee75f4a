"""What clients send, checked and prepared for the model: one reader a modality."""

from collections.abc import Sequence
from typing import Any, Protocol

from components.modeling.features import Features
from components.serving.server.image_payloads import ImagePayloads
from components.serving.server.request_rows import ReadRows, Tensor
from components.serving.server.table_payloads import TablePayloads
from components.serving.server.text_payloads import TextPayloads
from components.shared.tables.repair_spec import Repair


class Payloads(Protocol):
    """Reads the requests of one model."""

    @property
    def input_types(self) -> list[dict[str, Any]]:
        """Inputs for the metadata endpoint: name, datatype and shape of each."""
        ...

    def from_instances(self, payload: Any) -> ReadRows:
        """The rows of a V1 request; ValueError says in one sentence what is wrong with it."""
        ...

    def from_tensors(self, tensors: Sequence[Tensor]) -> ReadRows:
        """The rows of a V2 request; ValueError says in one sentence what is wrong with it."""
        ...


def payloads_for(features: Features, repairs: Sequence[Repair] = ()) -> Payloads:
    """The reader of a model's requests, by what it takes: images, texts or rows of a table before their `repairs`."""
    if features.modality == "tabular":
        return TablePayloads(features, repairs)
    return TextPayloads(features) if features.modality == "text" else ImagePayloads(features)
