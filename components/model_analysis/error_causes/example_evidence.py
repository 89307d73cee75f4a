"""What speaks for broken processing, poor input or strangeness of each error, whatever its modality.

Shapes: E errors, U usual examples (held-out, drawn by chance), R training examples, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from components.model_analysis.error_causes.cause_names import BROKEN_PROCESSING
from components.model_analysis.error_causes.damage_evidence import DamageJudge
from components.model_analysis.error_causes.findings import Finding
from components.model_analysis.error_causes.isolation import (
    angle_to_nearest,
    beside_main_directions,
    distance_to_nearest,
    KindAngles,
)
from components.model_analysis.error_causes.photo_damage import DAMAGES
from components.model_analysis.error_causes.photo_files import (
    content_changed,
    cut_off_views,
    damaged_file,
    file_findings,
)
from components.model_analysis.error_causes.photo_measures import photo_measures
from components.model_analysis.error_causes.prepared_examples import PreparedExamples
from components.model_analysis.error_causes.row_evidence import RowJudge
from components.model_analysis.error_causes.strangeness import farness_view, FarnessView
from components.model_analysis.error_causes.text_evidence import TextJudge
from components.modeling.images.decoding import decode_image, encode_png
from components.modeling.predictor import Predictor

_DAMAGED_OF_A_KIND = 36
# The network sees damaged photos of kinds that some error looks to have suffered.
_SEEN_OF_A_KIND, _MAX_SEEN_KINDS = 24, 10
_LEAST_TRAINING = 30
_SURE, _LIKELY = 0.97, 0.8
_SAME_ANSWER = 0.02
_REGAINED, _GAIN = 0.8, 0.4
_USUALLY = 0.05


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AskedExamples:
    """Examples whose raw columns and prepared form are at hand; all have the same number of rows.

    `columns` are those that the model reads, and `content_id` where the table has it. `prepared` holds all of them, in
    their order.
    """

    columns: dict[str, pa.Array]
    prepared: PreparedExamples

    def __len__(self) -> int:
        return len(self.prepared.rows)

    def values(self, name: str) -> list[Any]:
        """A column's values."""
        found: list[Any] = self.columns[name].to_pylist()
        return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ExampleEvidence:
    """By error: what was found on it; how far errors and others are from training, in each way to look.

    `remarks` are sentences for people.
    """

    findings: list[list[Finding]]
    views: tuple[FarnessView, ...] = ()
    remarks: tuple[str, ...] = ()


def embedding_views(
    errors: np.ndarray, usual: np.ndarray, training: np.ndarray, classes: np.ndarray
) -> tuple[FarnessView, ...]:
    """How far examples are from training in the model's embedding, two ways; none where too little is known."""
    if min(len(training), len(usual)) < _LEAST_TRAINING or not training.shape[1] or not len(errors):
        return ()
    ways = (angle_to_nearest, beside_main_directions)
    return tuple(farness_view(way, errors, usual, training, classes) for way in ways)


def answers_differ(recorded: np.ndarray, today: np.ndarray) -> np.ndarray:
    """Whether the model answers otherwise today than the predictions table has it, by row of shape (E, K)."""
    found: np.ndarray = np.abs(recorded.astype(np.float64) - today).max(axis=1, initial=0.0) > _SAME_ANSWER
    return found


def disagreement(recorded: np.ndarray, today: np.ndarray) -> list[list[Finding]]:
    """Findings where preparation or model today give another answer than was recorded for the same example."""
    words = "what was recorded is not what the model answers today to what is stored: preparation or data have changed"
    finding = Finding(cause=BROKEN_PROCESSING, kind="other answer", strength=_SURE, words=words)
    return [[finding] if differs else [] for differs in answers_differ(recorded, today)]


def photo_evidence(
    errors: AskedExamples,
    usual: AskedExamples,
    training: AskedExamples,
    predictor: Predictor,
    *,
    labels: np.ndarray,
    classes: np.ndarray,
    seed: int,
) -> ExampleEvidence:
    """Evidence on photos: their files, what the model gets of them, and what it does not.

    `labels`, shape (E,), are the errors' classes, `classes`, shape (R,), the training photos'.
    """
    if not len(errors):
        return ExampleEvidence(findings=[])
    findings, remarks = _of_files(errors, usual)
    findings = _joined(findings, _cut_off(errors, predictor, labels))
    pixels = errors.prepared.inputs.get("image")
    if pixels is None or len(training) < _LEAST_TRAINING or len(usual) < _LEAST_TRAINING:
        return ExampleEvidence(findings=findings, remarks=remarks)
    images = training.prepared.inputs["image"]
    clean, usual_measures = photo_measures(images), photo_measures(usual.prepared.inputs["image"])
    asked = photo_measures(pixels)
    damaged = {kind: photo_measures(_damaged(images, kind, seed)) for kind in DAMAGES}
    judge = DamageJudge(clean, damaged, seed=seed)
    found = judge.findings(asked, *_seen_damaged(errors, images, predictor, seed))
    return ExampleEvidence(
        findings=_joined(findings, found),
        views=(farness_view(distance_to_nearest, asked, usual_measures, clean, classes),),
        remarks=remarks,
    )


def text_evidence(
    errors: AskedExamples, usual: AskedExamples, training: AskedExamples, predictor: Predictor, *, labels: np.ndarray
) -> ExampleEvidence:
    """Evidence on texts: their characters, and what the model does not get of them."""
    known, texts, others = training.values("text"), errors.values("text"), usual.values("text")
    judge = TextJudge(known)
    findings = [judge.findings(text) for text in texts]
    view = FarnessView(
        errors=judge.novelties(texts), usual=judge.novelties(others), training=judge.left_out_novelties()
    )
    is_known = min(len(known), len(others)) >= _LEAST_TRAINING
    return ExampleEvidence(
        findings=_joined(findings, _not_read(errors, predictor, labels)), views=(view,) if is_known else ()
    )


def row_evidence(
    errors: AskedExamples,
    usual: AskedExamples,
    training: AskedExamples,
    *,
    classes: np.ndarray,
    personal: Sequence[str],
) -> ExampleEvidence:
    """Evidence on rows of a table: their values, column by column, and their numbers together."""
    names = [name for name in errors.columns if name != "content_id"]
    judge = RowJudge({name: training.columns[name] for name in names}, personal=personal)
    values = {name: errors.values(name) for name in names}
    findings = [judge.findings({name: values[name][row] for name in names}) for row in range(len(errors))]
    found = [asked.prepared.inputs.get("numbers") for asked in (errors, usual, training)]
    numbers = [part for part in found if part is not None and len(part) and part.shape[1]]
    if len(numbers) < len(found) or min(len(training), len(usual)) < _LEAST_TRAINING:
        return ExampleEvidence(findings=findings)
    of_errors, of_usual, of_training = numbers
    view = farness_view(distance_to_nearest, of_errors, of_usual, of_training, classes)
    return ExampleEvidence(findings=findings, views=(view,))


def _joined(*parts: list[list[Finding]]) -> list[list[Finding]]:
    return [[finding for found in row for finding in found] for row in zip(*parts, strict=True)]


def _of_files(errors: AskedExamples, usual: AskedExamples) -> tuple[list[list[Finding]], tuple[str, ...]]:
    """What files say; not what they say of usual photos, too."""
    files, usual_files = errors.values("image"), usual.values("image")
    ids = errors.values("content_id") if "content_id" in errors.columns else [None] * len(files)
    usual_ids = usual.values("content_id") if "content_id" in usual.columns else [None] * len(usual_files)
    changed = [content_changed(data, known) for data, known in zip(usual_files[:40], usual_ids[:40], strict=True)]
    told = [found for found in changed if found is not None]
    remarks = []
    if told and np.mean(told) > 0.5:
        ids = [None] * len(files)
        remarks.append("content ids of this table are not of what today's decoder gives: they were not compared")
    damaged = np.mean([damaged_file(data) is not None for data in usual_files] or [False])
    found = [file_findings(data, content_id=known) for data, known in zip(files, ids, strict=True)]
    if damaged > _USUALLY:
        remarks.append(f"{damaged:.0%} of all held-out photos have damaged files: this explains no single error")
        found = [[finding for finding in row if finding.kind != "damaged file"] for row in found]
    return found, tuple(remarks)


def _damaged(images: np.ndarray, kind: str, seed: int) -> np.ndarray:
    """Some of the training photos, damaged in one way; the same ones each time."""
    rng = np.random.default_rng([seed, list(DAMAGES).index(kind)])
    rows = rng.choice(len(images), min(_DAMAGED_OF_A_KIND, len(images)), replace=False)
    return np.stack([DAMAGES[kind].damage(images[row], rng) for row in rows])


def _seen_damaged(
    errors: AskedExamples, images: np.ndarray, predictor: Predictor, seed: int
) -> tuple[np.ndarray | None, KindAngles | None]:
    """Embeddings of errors, and how far they are from damaged training photos to the model."""
    if not errors.prepared.embeddings.shape[1]:
        return None, None

    def embeddings_of(kind: str) -> np.ndarray:
        return predictor.predict({"image": _damaged(images, kind, seed)[:_SEEN_OF_A_KIND]}).embeddings_BD

    return errors.prepared.embeddings, KindAngles(embeddings_of, max_kinds=_MAX_SEEN_KINDS)


def _cut_off(errors: AskedExamples, predictor: Predictor, labels: np.ndarray) -> list[list[Finding]]:
    """Photos whose ends, which are cut off, show the label to the model as the middle does not."""
    found: list[list[Finding]] = [[] for _ in range(len(errors))]
    if getattr(predictor.features, "resize", "squash") != "crop":
        return found
    for row, data in enumerate(errors.values("image")):
        views = cut_off_views(decode_image(data).pixels_HWC)
        if views:
            answers = _answers(predictor, {"image": pa.array([encode_png(view) for view in views], pa.binary())})
            found[row] = _regained(
                answers, errors, row, labels, "cropped off", "the ends of the photo that are cut off"
            )
    return found


def _not_read(errors: AskedExamples, predictor: Predictor, labels: np.ndarray) -> list[list[Finding]]:
    """Texts of which nothing reaches the model, or whose unread end shows the label."""
    found: list[list[Finding]] = [[] for _ in range(len(errors))]
    empty = predictor.predict(predictor.prepare({"text": pa.array([""], pa.string())})).embeddings_BD[0]
    for row, text in enumerate(errors.values("text")):
        if text.strip() and np.allclose(errors.prepared.embeddings[row], empty, atol=1e-5):
            words = "nothing of it reaches the model: to it the text is as good as empty"
            found[row] = [Finding(cause=BROKEN_PROCESSING, kind="unknown tokens", strength=_SURE, words=words)]
        elif len(text) > 200 and _is_half_read(predictor, text):
            answers = _answers(predictor, {"text": pa.array([text[len(text) // 2 :]], pa.string())})
            found[row] = _regained(answers, errors, row, labels, "cut off", "the second half, which is not read,")
    return found


def _is_half_read(predictor: Predictor, text: str) -> bool:
    whole, half = (predictor.prepare({"text": pa.array([part])}) for part in (text, text[: len(text) // 2]))
    return all(np.array_equal(whole[name], half[name]) for name in whole)


def _regained(
    answers: np.ndarray, errors: AskedExamples, row: int, labels: np.ndarray, kind: str, what: str
) -> list[Finding]:
    best, before = float(answers[:, labels[row]].max()), float(errors.prepared.probabilities[row, labels[row]])
    if best < _REGAINED or best - before < _GAIN:
        return []
    words = f"preparation lost it: of {what} the model gives the label {best:.2f}, of what it gets {before:.2f}"
    return [Finding(cause=BROKEN_PROCESSING, kind=kind, strength=_LIKELY, words=words)]


def _answers(predictor: Predictor, columns: dict[str, pa.Array]) -> np.ndarray:
    return predictor.predict(predictor.prepare(columns)).probabilities_BK
