import os
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.model_analysis.scoring.example_batches import ExampleBatch
from components.model_analysis.scoring.prefetching import score_batches
from components.modeling.predictor import load_predictor


def _batch(contents, first=0):
    """Images, of which some lie in files of their own."""
    return ExampleBatch(
        example_ids=[str(first + number) for number in range(len(contents))],
        labels=[None] * len(contents),
        splits=["test"] * len(contents),
        columns={"image": pa.array([None if isinstance(c, Path) else c for c in contents], pa.binary())},
        files={row: content for row, content in enumerate(contents) if isinstance(content, Path)},
    )


def test_probabilities_are_those_of_the_predictor_in_order(model_dir, photo) -> None:
    predictor = load_predictor(model_dir, device="cpu")
    contents = [photo(kind, seed) for seed, kind in enumerate(["cat", "dog"] * 5)]
    batches = [_batch(contents[start : start + 3], start) for start in range(0, 10, 3)]
    scored = list(score_batches(batches, predictor, num_workers=4))
    expected = predictor.predict(predictor.prepare({"image": pa.array(contents)}))
    assert [len(batch.examples) for batch in scored] == [3, 3, 3, 1]
    assert [name for batch in scored for name in batch.examples.example_ids] == [str(n) for n in range(10)]
    found = np.concatenate([batch.prediction.probabilities_BK for batch in scored])
    np.testing.assert_allclose(found, expected.probabilities_BK, atol=1e-5)
    embeddings = np.concatenate([batch.prediction.embeddings_BD for batch in scored])
    np.testing.assert_allclose(embeddings, expected.embeddings_BD, rtol=1e-3, atol=1e-4)


def test_unreadable_images_are_set_aside_with_their_reasons(model_dir, photo, tmp_path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    contents = [
        b"no image",
        photo("cat"),
        None,
        photo("dog")[:-200],
        tmp_path / "absent.jpg",
        tmp_path / "folder.jpg",
        tmp_path / "pipe.jpg",
        b"",
    ]
    (scored,) = score_batches([_batch(contents)], load_predictor(model_dir, device="cpu"))
    assert scored.examples.example_ids == ["1"]
    assert scored.examples.values(0) == {"image": photo("cat")}
    assert scored.prediction.probabilities_BK.shape == (1, 2)
    reasons = {example.example_id: example.reason for example in scored.unreadable}
    assert list(reasons) == ["0", "2", "3", "4", "5", "6", "7"]
    assert "no image of a known format" in reasons["0"]
    assert reasons["2"] == "there is no image"
    assert "truncated" in reasons["3"]
    assert reasons["4"] == "there is no such file"
    assert reasons["5"] == reasons["6"] == "it is no regular file"
    assert reasons["7"] == "the file is empty"


def test_a_batch_without_a_readable_image_passes_through(model_dir) -> None:
    (scored,) = score_batches([_batch([b"x", b"y"])], load_predictor(model_dir, device="cpu"))
    assert len(scored.examples) == 0
    assert len(scored.unreadable) == 2


def test_reading_stays_a_few_batches_ahead_of_the_model(model_dir, photo) -> None:
    drawn = []

    def stream():
        for number in range(20):
            drawn.append(number)
            yield _batch([photo("cat")], number)

    scored = score_batches(stream(), load_predictor(model_dir, device="cpu"))
    next(scored)
    assert len(drawn) < 6
    scored.close()
