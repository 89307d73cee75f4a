"""How often the cause of an error that was planted is suspected first, and what errors without a plant are put down to.

    python -m benchmarks.error_causes --subject digits --seeds 3
    python -m benchmarks.error_causes --subject cats_dogs --data DATA        # DATA/cats_dogs/cat/*.jpg, dog/*.jpg
    python -m benchmarks.error_causes --subject rides --held-out             # rows of a table; comments are texts

Wrong labels, broken photos, blurred ones and aliens are planted in the test split, 8 % each (of texts and rows 16 % are
broken, none blurred); of those that the model gets wrong, the right cause must come first in >= 80 %. `--held-out`
plants the kinds that were kept out of the tuning, `--healthy` nothing: how many errors are then put down to the data
says how often causes are invented. Every rate stands with its 95 % interval (Clopper-Pearson), and the seconds of
processor time of the job.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
import json
from pathlib import Path
import tempfile
import time
from typing import Annotated

import numpy as np
from PIL import Image
from scipy.stats import binomtest
import typer

from components.model_analysis.jobs.analyse_errors import analyse_errors
from components.modeling.backbone_config import BackboneConfig
from components.modeling.images.features import ImageFeatures
from components.shared.contracts.example_table import ExampleTable
from tests.components.model_analysis.error_causes.planted import Photos, planted_photos
from tests.components.model_analysis.error_causes.planted_sets import (
    alien_files,
    head_fitted_bundle,
    kinds_of,
    planted_set,
    PlantedSet,
    right_cause,
    scored,
    write_photos,
)
from tests.components.model_analysis.error_causes.planted_tables import planted_values, VALUE_SUBJECTS
from tests.components.model_analysis.error_causes.plants import encoded

_NO_PLANT = "(nothing planted)"
_OF_THE_DATA = ("wrong_label", "broken_processing", "poor_input", "out_of_distribution")
_NUM_VALUES = 1500


def cats_dogs(folder: Path, data: Path, seed: int, *, held_out: bool, is_healthy: bool) -> PlantedSet:
    """Photos of cats and dogs with plants, and a model of frozen features."""
    rng = np.random.default_rng([seed, held_out])
    files = [
        (path, kind == "dog") for kind in ("cat", "dog") for path in sorted((data / "cats_dogs" / kind).glob("*.jpg"))
    ]
    order = rng.permutation(len(files))
    parts: dict[str, Photos] = {}
    for split, rows in {"train": order[:440], "validation": order[440:540], "test": order[540:]}.items():
        photos = [_smaller(files[row][0]) for row in rows]
        classes = np.array([int(files[row][1]) for row in rows])
        parts[split] = Photos(files=photos, classes=classes, class_names=("cat", "dog"))
    broken, blurred = kinds_of("cats_dogs", held_out=held_out)
    aliens = alien_files("cats_dogs", seed, held_out=held_out)
    share = 0.0 if is_healthy else 0.08
    found, labels, plants = planted_photos(parts["test"], aliens, rng, share=share, broken=broken, blurred=blurred)
    parts["test"] = Photos(files=found, classes=labels, class_names=("cat", "dog"))
    examples = write_photos(folder / "examples", parts)
    backbone = BackboneConfig(name="efficientnet_lite0", pretrained=True, frozen=True)
    model = head_fitted_bundle(folder / "model", backbone, ImageFeatures(image_size=160), parts["train"])
    ids = [f"test-{number}" for number in range(len(found))]
    return PlantedSet(
        examples=examples,
        model=model,
        predictions=scored(examples, model, folder / "predictions"),
        plants=dict(zip(ids, plants.tolist(), strict=True)),
    )


def _smaller(path: Path) -> bytes:
    image = Image.open(path).convert("RGB")
    image.thumbnail((200, 200))
    return encoded(np.asarray(image))


def first_causes(planted: PlantedSet, folder: Path) -> tuple[dict[str, list[str]], float]:
    """First suspected causes of the errors by what was planted, and the job's seconds of processor time."""
    started = time.process_time()
    analyse_errors(
        examples_path=planted.examples,
        predictions_path=planted.predictions,
        model_path=planted.model,
        analysis_path=folder / "errors.json",
        list_path=folder / "errors.csv",
        report_path=folder / "report.html",
        metrics_path=folder / "metrics.json",
        device="cpu",
    )
    seconds = time.process_time() - started
    found: dict[str, list[str]] = defaultdict(list)
    for error in json.loads((folder / "errors.json").read_text())["errors"]:
        found[planted.plants[error["example_id"]]].append(error["causes"][0]["cause"])
    return found, seconds


def print_causes(found: Mapping[str, list[str]]) -> None:
    """A line for each kind of plant, and one for each family of them."""
    families: dict[str, list[bool]] = defaultdict(list)
    for plant, causes in sorted(found.items()):
        if not plant:
            invented = sum(cause in _OF_THE_DATA for cause in causes)
            print(f"{_NO_PLANT:<28} {len(causes):4}  {dict(Counter(causes).most_common())}")
            print(f"{'  put down to the data':<28} {invented:4} of {len(causes):4}")
            continue
        right = [cause == right_cause(plant) for cause in causes]
        families[plant.partition(":")[0]] += right
        print(f"{plant:<28} {sum(right):4} of {len(right):4}  {dict(Counter(causes).most_common(3))}")
    for family, right in families.items():
        interval = binomtest(sum(right), len(right)).proportion_ci(0.95)
        print(
            f"{family + ', all':<28} {np.mean(right):8.1%} {interval.low:8.1%} to {interval.high:6.1%}   at least 80%"
        )


def main(
    subject: Annotated[
        str, typer.Option(help="patches, digits, textures, comments, rides, or cats_dogs with --data.")
    ] = "digits",
    seeds: Annotated[int, typer.Option(help="Sets that are made.")] = 3,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    held_out: Annotated[bool, typer.Option(help="Plant the kinds that were kept out of the tuning.")] = False,
    healthy: Annotated[bool, typer.Option(help="Plant nothing: what are errors put down to?")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder of shared data with cats_dogs.")] = None,
) -> None:
    """Plant causes, analyse the errors, and count how often the right cause comes first."""
    found: dict[str, list[str]] = defaultdict(list)
    spent = []
    for seed in range(first_seed, first_seed + seeds):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            if subject == "cats_dogs":
                if data is None:
                    raise typer.BadParameter("cats_dogs needs --data, the folder that holds it")
                planted = cats_dogs(folder, data, seed, held_out=held_out, is_healthy=healthy)
            elif subject in VALUE_SUBJECTS:
                pool = VALUE_SUBJECTS[subject](_NUM_VALUES, seed)
                planted = planted_values(folder, pool, seed, held_out=held_out, is_healthy=healthy)
            else:
                planted = planted_set(folder, subject, seed, held_out=held_out, is_healthy=healthy)
            causes, seconds = first_causes(planted, folder)
            rows = ExampleTable(planted.examples).num_rows
        spent.append(seconds)
        for plant, names in causes.items():
            found[plant] += names
    print(f"{subject}, {seeds} sets, {rows:,} examples each, {np.mean(spent):.1f} s of processor time a set")
    print_causes(found)


if __name__ == "__main__":
    typer.run(main)
