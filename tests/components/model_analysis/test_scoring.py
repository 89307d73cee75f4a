import os

import numpy as np
import pyarrow as pa

from components.model_analysis.image_batches import batched, ImageBatch, SourceImage
from components.model_analysis.scoring import score_batches
from components.modeling.predictor import load_predictor


def _images(contents):
    return [SourceImage(example_id=str(n), label=None, content=content) for n, content in enumerate(contents)]


def test_probabilities_are_those_of_the_predictor_in_order(model_dir, photo) -> None:
    predictor = load_predictor(model_dir, device="cpu")
    contents = [photo(kind, seed) for seed, kind in enumerate(["cat", "dog"] * 5)]
    scored = list(score_batches(batched(_images(contents), batch_rows=3), predictor, num_workers=4))
    expected = predictor.predict(predictor.prepare(contents))
    assert [len(batch.images) for batch in scored] == [3, 3, 3, 1]
    assert [image.example_id for batch in scored for image in batch.images] == [str(n) for n in range(10)]
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
    batch = ImageBatch(images=tuple(_images(contents)), extra={"n": pa.array(range(8))})
    (scored,) = score_batches([batch], load_predictor(model_dir, device="cpu"))
    assert [image.example_id for image in scored.images] == ["1"]
    assert scored.extra["n"].to_pylist() == [1]
    assert scored.prediction.probabilities_BK.shape == (1, 2)
    reasons = {image.example_id: image.reason for image in scored.unreadable}
    assert list(reasons) == ["0", "2", "3", "4", "5", "6", "7"]
    assert "no image of a known format" in reasons["0"]
    assert "holds no image" in reasons["2"]
    assert "truncated" in reasons["3"]
    assert reasons["4"] == "there is no such file"
    assert reasons["5"] == reasons["6"] == "it is no regular file"
    assert reasons["7"] == "the file is empty"


def test_a_batch_without_a_readable_image_passes_through(model_dir) -> None:
    (scored,) = score_batches(batched(_images([b"x", b"y"])), load_predictor(model_dir, device="cpu"))
    assert scored.images == ()
    assert len(scored.unreadable) == 2


def test_reading_stays_a_few_batches_ahead_of_the_model(model_dir, photo) -> None:
    drawn = []

    def stream():
        for number in range(20):
            drawn.append(number)
            yield from _images([photo("cat")])

    scored = score_batches(batched(stream(), batch_rows=1), load_predictor(model_dir, device="cpu"))
    next(scored)
    assert len(drawn) < 6
    scored.close()
