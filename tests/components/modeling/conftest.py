"""Real photos for tests of image code."""

import numpy as np
from PIL import Image
import pytest
import torch


@pytest.fixture(scope="session")
def photos() -> torch.Tensor:
    """Two photos out of scikit-learn's package, a temple and a flower, shape (2, 3, 160, 160), float32 in 0..1."""
    from sklearn.datasets import load_sample_images

    squares = [
        Image.fromarray(photo).crop((100, 0, 527, 427)).resize((160, 160)) for photo in load_sample_images().images
    ]
    return torch.from_numpy(np.stack([np.asarray(square) for square in squares])).permute(0, 3, 1, 2).float() / 255.0
