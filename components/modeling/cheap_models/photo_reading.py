"""Photos for a cheap model: frozen features of a small network that was trained on ImageNet and never on these photos.

Shapes: N photos, D features.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch

from components.modeling.backbone_config import BackboneConfig, EFFICIENTNET_LITE0
from components.modeling.gpu.devices import tensors_on
from components.modeling.images.backbones import image_backbone
from components.modeling.images.decoding import UndecodableImageError
from components.modeling.images.features import ImageFeatures, prepare_image

# Half the side that the network was made for costs a quarter, and a head on it loses a few points.
SIDE_PX = 112
BATCH_PHOTOS = 16


class PhotoReading:
    """Frozen features; the network is loaded once, from a file that is installed with it."""

    def __init__(self, device: torch.device) -> None:
        network, self.num_features = image_backbone(BackboneConfig(name=EFFICIENTNET_LITE0, pretrained=True), True)
        self._network = network.to(device).to(memory_format=torch.channels_last).eval()
        self._features = ImageFeatures(image_size=SIDE_PX, decoding="scaled")
        self._device = device

    def rows(self, batches: Iterator[pa.RecordBatch]) -> tuple[np.ndarray, np.ndarray]:
        """Features of the N photos of a column, shape (N, D), float32, and which could be decoded, shape (N,), bool."""
        parts, readable = [np.zeros((0, self.num_features), np.float32)], list[bool]()
        for batch in batches:
            pixels = [self._pixels(data) for data in batch.column(0).to_pylist()]
            found = [image for image in pixels if image is not None]
            readable += [image is not None for image in pixels]
            if found:
                parts.append(self._embedded(np.stack(found)))
        kept = np.array(readable, dtype=bool)
        features = np.zeros((len(kept), self.num_features), np.float32)
        features[kept] = np.concatenate(parts)
        return features, kept

    def _pixels(self, data: bytes | None) -> np.ndarray | None:
        try:
            return prepare_image(data, self._features)
        except UndecodableImageError:
            return None

    def _embedded(self, images_BHWC: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            [images_BCHW] = self._features.tensors(tensors_on(self._device, {"image": images_BHWC}))
            found = self._network(images_BCHW.contiguous(memory_format=torch.channels_last))
        return found.float().cpu().numpy()
