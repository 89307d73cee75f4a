"""Pictures into training: ours beside ImageFolder-like loading with Pillow and albumentations, in one run.

`python -m benchmarks.input_pipeline --images photos` takes a folder of JPEG files with a folder a class; without it,
photos are made on the spot. Every path ends in the same batch: 32 pictures, augmented with the policy `standard`,
float32 in -1..1. Rates are images per second of processor time over all processes and threads, medians of rounds in
shuffled order, of which each path runs twice in a row and the second time counts; the pages of all files are warm.
Other work on the machine only ever adds to a time: `least` is the ratio to the peer of the smallest times. Before
anything is timed, both paths must give the same picture: within a grey level where every pixel is decoded, within a few
on average where a smaller picture is decoded.

`--accuracy` also says what the pixels are worth: for given photos, five-fold accuracy of a logistic regression on
pretrained features, by way of decoding; for made ones, that of a small network trained on each path's batches, with the
same rows, steps and seeds.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
import io
from pathlib import Path
import random
import resource
import shutil
import tempfile
import time
from typing import Annotated, Any

import albumentations
from albumentations.pytorch import ToTensorV2
import cv2
import numpy as np
from PIL import Image
import pyarrow as pa
import simplejpeg
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import torch
from torch.utils.data import DataLoader, Dataset
import typer

from components.feature_engineering.store_building import write_store
from components.modeling.augmentation.augmenter import Augmenter
from components.modeling.augmentation.named_policies import named_policy
from components.modeling.backbone_config import BackboneConfig, EFFICIENTNET_LITE0, SMALL_CNN
from components.modeling.classifier import build_classifier
from components.modeling.images.decoding import decode_image
from components.modeling.images.features import ImageFeatures, prepare_image
from components.shared.contracts.example_table import ExampleTable, ExampleTableInfo, ExampleTableWriter
from components.shared.feature_store.store import FeatureStore
from components.training.trainer.batches import batch_loader, StoredExamples
from components.training.trainer.epoch_batches import Division, EpochBatches, HeldOutBatches

BATCH = 32
WORKERS = 2
SCALED_TOLERANCE = 6.0  # grey levels, on average over a photo
_FIRST = "first-"
BARS = {"ours, first pass": 2.5, "ours, from the store, 2 workers": 5.0}

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Photos:
    """JPEG files, their classes, the square that they become, and where intermediate files go."""

    files: list[Path]
    labels: list[int]
    features: ImageFeatures
    scratch: Path

    @property
    def side_px(self) -> int:
        """Side of the square."""
        return self.features.image_size


class PhotoFolder(Dataset[tuple[torch.Tensor, int]]):
    """What people write: Pillow opens, albumentations augments, a float tensor comes out."""

    def __init__(self, photos: Photos, *, policy: dict[str, Any] | None, is_resized_by_pillow: bool) -> None:
        self._photos = photos
        self._is_resized_by_pillow = is_resized_by_pillow
        side = photos.side_px
        resized = [] if is_resized_by_pillow else [albumentations.SmallestMaxSize(side), _middle(side)]
        changed = [albumentations.from_dict(policy)] if policy else []
        scaled = albumentations.Normalize(mean=(0.5,) * 3, std=(0.5,) * 3)
        self._pipeline = albumentations.Compose([*resized, *changed, scaled, ToTensorV2()])

    def __len__(self) -> int:
        return len(self._photos.files)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        with Image.open(self._photos.files[row]) as file:
            image = file.convert("RGB")
        if self._is_resized_by_pillow:
            side, low = self._photos.side_px, min(image.size)
            left, top = (image.width - low) / 2, (image.height - low) / 2
            image = image.resize((side, side), Image.Resampling.BILINEAR, box=(left, top, left + low, top + low))
        return self._pipeline(image=np.asarray(image))["image"], self._photos.labels[row]


def main(
    images: Annotated[Path | None, typer.Option(help="A folder of JPEG files, with a folder a class.")] = None,
    num_images: Annotated[int, typer.Option(help="How many to take, or to make.")] = 640,
    side_px: Annotated[int, typer.Option(help="Side of the square that training sees.")] = 160,
    made_px: Annotated[int | None, typer.Option(help="Height of made photos; 2000 is a camera's.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds that medians are taken over.")] = 5,
    accuracy: Annotated[bool, typer.Option(help="Also say what the pixels are worth.")] = False,
) -> None:
    """Print the limit, the peer and ours; what handing a batch over costs; and what a training step waits."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        files = _chosen(images or _made(scratch / "photos", num_images, made_px or 2 * side_px), num_images)
        classes = sorted({file.parent.name for file in files})
        photos = Photos(
            files=files,
            labels=[classes.index(file.parent.name) for file in files],
            features=ImageFeatures(image_size=side_px, resize="crop", decoding="scaled"),
            scratch=scratch,
        )
        store = _built(photos, "store")
        _check_same_pictures(photos, store)
        mean_kb = float(np.mean([file.stat().st_size for file in files])) / 1000
        typer.echo(f"{len(files)} photos of {mean_kb:.1f} kB, {side_px} px, batch {BATCH}, {rounds} rounds\n")
        _print_rates(photos, store, rounds)
        _print_hand_over(photos, store, rounds)
        _print_waiting(photos, store)
        if accuracy and images is not None:
            _print_feature_accuracy(photos)
        elif accuracy:
            _print_accuracy(photos, store)


def _print_rates(photos: Photos, store: FeatureStore, rounds: int) -> None:
    policy = named_policy("standard")
    contents = [file.read_bytes() for file in photos.files]
    paths: dict[str, Callable[[], int]] = {
        "limit: simplejpeg, fast transform": lambda: _decoded(contents, is_fast=True),
        "limit: simplejpeg, exact": lambda: _decoded(contents, is_fast=False),
        "limit: simplejpeg, exact, shrunk": lambda: _decoded_smaller(contents, photos.side_px),
        "peer: Pillow + albumentations, 2 workers": lambda: _seen(_peer(photos, policy)),
        "peer that aliases: albumentations resizes": lambda: _seen(_peer(photos, policy, is_resized_by_pillow=False)),
        "ours, first pass": lambda: _first_pass(photos, policy),
        "ours, first pass, all pixels decoded": lambda: _first_pass(_fully_decoded(photos), policy),
        "ours, from the store, 2 workers": lambda: _seen(_ours(photos, store, policy, WORKERS)),
        "ours, from the store, no worker": lambda: _seen(_ours(photos, store, policy, 0)),
    }
    costs_s = _measured(paths, rounds, between=lambda: _without_first_stores(photos.scratch))
    peers = [name for name in paths if name.startswith("peer")]
    columns = f"{'images / CPU-s':>15}{'CPU-ms / image':>16}{'x peer':>9}{'least':>8}{'x aliasing':>12}{'bar':>6}"
    typer.echo(f"{'path':<44}{columns}")
    for name, cost_s in costs_s.items():
        ratios = [float(np.median(costs_s[peer] / cost_s)) for peer in peers]
        least = float(costs_s[peers[0]].min() / cost_s.min())
        each_s = float(np.median(cost_s)) / len(photos.files)
        bar = f"{BARS[name]:.1f}" if name in BARS else ""
        rates = f"{1 / each_s:>15.0f}{each_s * 1e3:>16.3f}{ratios[0]:>9.2f}{least:>8.2f}{ratios[1]:>12.2f}{bar:>6}"
        typer.echo(f"{name:<44}{rates}")


def _print_hand_over(photos: Photos, store: FeatureStore, rounds: int) -> None:
    """What a worker adds to an image: the same batches with workers, less those without."""
    dataset = StoredExamples(store, augmenter=None, seed=0)

    def by_process() -> int:
        places = _epoch(store, 0)
        loader: DataLoader[Any] = DataLoader(dataset, batch_sampler=places, collate_fn=_as_is, num_workers=WORKERS)
        return sum(len(batch["labels"]) for batch in loader)

    def by_thread(num_workers: int) -> int:
        loader = batch_loader(dataset, _epoch(store, 0), num_workers=num_workers, pinned=False)
        return sum(len(batch["labels"]) for batch in loader)

    paths = {
        "none": lambda: by_thread(0),
        "2 threads (ours)": lambda: by_thread(WORKERS),
        "2 processes of torch, uint8": by_process,
    }
    costs_s = _measured(paths, rounds)
    typer.echo("\nhand-over, CPU-ms an image (bar 0.2)")
    for name in list(paths)[1:]:
        typer.echo(f"  {name:<42}{np.median(costs_s[name] - costs_s['none']) / len(photos.files) * 1e3:>8.3f}")


def _print_waiting(photos: Photos, store: FeatureStore) -> None:
    policy = named_policy("standard")
    paths = {
        "peer, 2 workers": lambda: _peer(photos, policy),
        "ours, 2 workers": lambda: _ours(photos, store, policy, WORKERS),
        "ours, no worker": lambda: _ours(photos, store, policy, 0),
    }
    typer.echo(f"\nshare of a training step spent waiting for data ({SMALL_CNN}, {photos.side_px} px, this machine)")
    for name, path in paths.items():
        shares = [_Training(photos, seed=0).waited_share(path()) for _ in range(3)]
        typer.echo(f"  {name:<42}{np.median(shares):>8.1%}")


def _print_accuracy(photos: Photos, store: FeatureStore, num_epochs: int = 8, seeds: int = 3) -> None:
    """Four fifths learn, every fifth photo is held out; the peer learns from the same rows."""
    policy = named_policy("standard")
    rows = np.arange(len(photos.files))
    learnt, held_out = rows[rows % 5 != 0], rows[rows % 5 == 0]
    paths = {
        "peer": lambda epoch, seed: _peer(photos, policy, rows=learnt, seed=(seed, epoch)),
        "ours": lambda epoch, seed: _ours(photos, store, policy, WORKERS, rows=learnt, seed=seed, epoch=epoch),
    }
    typer.echo(f"\nvalidation accuracy of {SMALL_CNN}, {len(held_out)} photos, {num_epochs} epochs, {seeds} seeds")
    for name, path in paths.items():
        scores = []
        for seed in range(seeds):
            training = _Training(photos, seed=seed)
            for epoch in range(num_epochs):
                training.learn(path(epoch, seed))
            scores.append(training.accuracy(_plain(photos, store, held_out)))
        typer.echo(f"  {name:<42}{np.mean(scores):>8.3f}  ({', '.join(f'{score:.3f}' for score in scores)})")


def _print_feature_accuracy(photos: Photos) -> None:
    """Frozen features of all photos, prepared in either way; the folds are the same."""
    contents = [file.read_bytes() for file in photos.files]
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    config = BackboneConfig(name=EFFICIENTNET_LITE0, pretrained=True, frozen=True)
    typer.echo(f"\nfive-fold accuracy of frozen {EFFICIENTNET_LITE0}, {len(contents)} photos")
    for features in (_fully_decoded(photos).features, photos.features):
        network = build_classifier(config, features, num_classes=2, load_pretrained=True).eval()
        parts = []
        for start in range(0, len(contents), BATCH):
            images = features.prepare({"image": pa.array(contents[start : start + BATCH], pa.binary())})["image"]
            with torch.inference_mode():
                embeddings, _ = network.embed_and_score(*features.tensors({"image": torch.from_numpy(images)}))
            parts.append(embeddings.numpy())
        regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        scores = cross_val_score(regression, np.concatenate(parts), photos.labels, cv=folds)
        typer.echo(
            f"  decoding {features.decoding:<33}{scores.mean():>8.3f}  (folds {scores.min():.3f} to {scores.max():.3f})"
        )


class _Training:
    """A small network and its optimiser."""

    def __init__(self, photos: Photos, *, seed: int) -> None:
        torch.manual_seed(seed)
        config = BackboneConfig(name=SMALL_CNN)
        num_classes = len(set(photos.labels))
        network = build_classifier(config, photos.features, num_classes=num_classes, load_pretrained=False)
        self._network = network.to(memory_format=torch.channels_last)
        self._optimizer = torch.optim.AdamW(self._network.parameters(), lr=2e-3)

    def learn(self, batches: Batches) -> None:
        self._network.train()
        for images_BCHW, labels_B in batches:
            self._optimizer.zero_grad()
            torch.nn.functional.cross_entropy(self._network(images_BCHW), labels_B).backward()
            self._optimizer.step()

    def waited_share(self, batches: Batches) -> float:
        """Share of an epoch's time in which the next batch was not there; the wait for the first is left out."""
        waited_s = 0.0

        def watched() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            nonlocal waited_s
            for batch in rest:
                waited_s += time.perf_counter() - asked[0]
                yield batch
                asked[0] = time.perf_counter()

        rest = iter(batches)
        self.learn([next(rest)])
        asked = [time.perf_counter()]
        started = asked[0]
        self.learn(watched())
        return waited_s / (time.perf_counter() - started)

    def accuracy(self, batches: Batches) -> float:
        self._network.eval()
        with torch.inference_mode():
            right = [(self._network(images).argmax(dim=1) == labels).float() for images, labels in batches]
        return float(torch.cat(right).mean())


def _peer(
    photos: Photos,
    policy: dict[str, Any] | None,
    *,
    is_resized_by_pillow: bool = True,
    rows: np.ndarray | None = None,
    seed: tuple[int, ...] = (0,),
) -> Batches:
    dataset = PhotoFolder(photos, policy=policy, is_resized_by_pillow=is_resized_by_pillow)
    chosen = np.arange(len(dataset)) if rows is None else rows
    order = np.random.default_rng(seed).permutation(chosen).tolist()
    return DataLoader(dataset, batch_size=BATCH, sampler=order, num_workers=WORKERS)


def _ours(
    photos: Photos,
    store: FeatureStore,
    policy: dict[str, Any] | None,
    num_workers: int,
    *,
    rows: np.ndarray | None = None,
    seed: int = 0,
    epoch: int = 0,
) -> Batches:
    augmenter = Augmenter(policy) if policy else None
    dataset = StoredExamples(store, augmenter=augmenter, seed=seed)
    places = _epoch(store, epoch, rows=rows, seed=seed)
    for batch in batch_loader(dataset, places, num_workers=num_workers, pinned=False):
        (images_BCHW,) = photos.features.tensors(batch["inputs"])
        yield images_BCHW, batch["labels"]


def _plain(photos: Photos, store: FeatureStore, rows: np.ndarray) -> Batches:
    dataset = StoredExamples(store, augmenter=None, seed=0)
    places = HeldOutBatches(rows, batch_size=BATCH, division=Division())
    for batch in batch_loader(dataset, places, num_workers=0, pinned=False):
        (images_BCHW,) = photos.features.tensors(batch["inputs"])
        yield images_BCHW, batch["labels"]


def _epoch(store: FeatureStore, epoch: int, *, rows: np.ndarray | None = None, seed: int = 0) -> EpochBatches:
    chosen = np.arange(len(store)) if rows is None else rows
    weights = np.ones(len(chosen))
    return EpochBatches(chosen, weights, seed=seed, epoch=epoch, batch_size=BATCH, division=Division())


def _first_pass(photos: Photos, policy: dict[str, Any] | None) -> int:
    """From JPEG files in an example table to the store, and the first epoch from there."""
    return _seen(_ours(photos, _built(photos, f"{_FIRST}{random.random()}", is_table_there=True), policy, WORKERS))


def _without_first_stores(scratch: Path) -> None:
    """Left there, the rounds' stores would fill the page cache, and later rounds would pay for it."""
    for store in scratch.glob(f"{_FIRST}*"):
        shutil.rmtree(store)


def _built(photos: Photos, name: str, *, is_table_there: bool = False) -> FeatureStore:
    table = photos.scratch / "examples"
    if not is_table_there:
        _write_table(photos, table)
    write_store(photos.scratch / name, ExampleTable(table), photos.features, {})
    return FeatureStore(photos.scratch / name)


def _write_table(photos: Photos, path: Path) -> None:
    names = tuple(str(number) for number in sorted(set(photos.labels)))
    info = ExampleTableInfo(modality="image", class_names=names, column_roles={})
    with ExampleTableWriter(path, info, extra_columns={}) as writer:
        for start in range(0, len(photos.files), 64):
            files, labels = photos.files[start : start + 64], photos.labels[start : start + 64]
            columns = {
                "example_id": pa.array([str(file) for file in files]),
                "split": pa.array(["train"] * len(files)),
                "label": pa.array([str(label) for label in labels]),
                "image": pa.array([file.read_bytes() for file in files], pa.binary()),
            }
            writer.write(pa.RecordBatch.from_pydict(columns))


def _check_same_pictures(photos: Photos, store: FeatureStore) -> None:
    rows = range(8)
    peer = PhotoFolder(photos, policy=None, is_resized_by_pillow=True)
    theirs = torch.stack([peer[row][0] for row in rows])
    stored = torch.cat([images for images, _ in _plain(photos, store, np.array(rows))])
    features = _fully_decoded(photos).features
    full = np.stack([prepare_image(photos.files[row].read_bytes(), features) for row in rows])
    (exact,) = features.tensors({"image": torch.from_numpy(full)})
    largest = float((theirs - exact).abs().max()) * 127.5
    if largest > 1.01:
        raise RuntimeError(
            f"all pixels decoded, both paths must agree within a grey level, but differ by {largest:.2f}"
        )
    average = float((theirs - stored).abs().mean(dim=(1, 2, 3)).max()) * 127.5
    if average > SCALED_TOLERANCE:
        raise RuntimeError(f"both paths must agree within {SCALED_TOLERANCE} grey levels on average, got {average:.2f}")
    if [peer[row][1] for row in rows] != store.labels[: len(rows)].tolist():
        raise RuntimeError("both paths must give the same labels, but do not")


def _fully_decoded(photos: Photos) -> Photos:
    return replace(photos, features=replace(photos.features, decoding="full"))


def _decoded(contents: list[bytes], *, is_fast: bool) -> int:
    for content in contents:
        simplejpeg.decode_jpeg(content, "RGB", fastdct=is_fast, fastupsample=is_fast)
    return len(contents)


def _decoded_smaller(contents: list[bytes], side_px: int) -> int:
    for content in contents:
        decode_image(content, min_side_px=side_px)
    return len(contents)


def _seen(batches: Batches) -> int:
    num_images = 0
    for images_BCHW, labels_B in batches:
        if images_BCHW.dtype != torch.float32 or images_BCHW.shape[1] != 3:
            raise RuntimeError(f"a batch must be float32 (B, 3, S, S), got {images_BCHW.dtype} {images_BCHW.shape}")
        num_images += len(labels_B)
    return num_images


def _measured(
    paths: dict[str, Callable[[], int]], rounds: int, between: Callable[[], None] = lambda: None
) -> dict[str, np.ndarray]:
    """CPU seconds of every path and round, shape (rounds,); a path runs twice in a row, and the second time counts.

    The host of a virtual machine takes free pages back after seconds, and whoever touches one next pays for it: 50 MB
    in the page cache cost 90 CPU-ms then, and 10 otherwise. The first time brings a path's pages.
    """
    expected = {path() for path in paths.values()}
    if len(expected) != 1:
        raise RuntimeError(f"all paths must see the same number of images, got {sorted(expected)}")
    costs_s: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(rounds):
        for name in random.Random(number).sample(list(paths), len(paths)):
            paths[name]()
            between()
            before_s = _cpu_s()
            paths[name]()
            costs_s[name].append(_cpu_s() - before_s)
            between()
    return {name: np.array(cost_s) for name, cost_s in costs_s.items()}


def _cpu_s() -> float:
    """CPU seconds of this process and of its ended children, in user code and in the kernel."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _chosen(folder: Path, num_images: int) -> list[Path]:
    files = [file for file in sorted(folder.glob("*/*")) if file.suffix.lower() in (".jpg", ".jpeg")]
    if not files:
        raise typer.BadParameter(f"--images must be a folder of JPEG files with a folder a class, got {folder}")
    # Batches of one would be left out by one path and not by the other.
    number = min(num_images, len(files)) // BATCH * BATCH or len(files)
    return [files[place] for place in np.linspace(0, len(files) - 1, number).astype(int)]


def _made(folder: Path, num_images: int, height_px: int) -> Path:
    """Noisy stripes, across or down, three by two, in files of about a photo's weight."""
    detail = height_px / 320
    for number in range(num_images):
        rng = np.random.default_rng(number)
        height, width = height_px + int(rng.integers(0, 60)), 3 * height_px // 2 + int(rng.integers(0, 60))
        coarse = Image.fromarray(
            rng.integers(0, 256, (int(height / detail) // 12, int(width / detail) // 12, 3), dtype=np.uint8)
        )
        pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
        is_across = number % 2 == 0
        waves = np.sin(np.arange(height if is_across else width) / (6 * detail) + rng.uniform(0, 6))
        pixels = pixels + 25 * (waves[:, None, None] if is_across else waves[None, :, None])
        pixels = (pixels + rng.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8)
        target = folder / ("across" if is_across else "down") / f"{number:05d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="JPEG", quality=85)
        target.write_bytes(buffer.getvalue())
    return folder


def _middle(side_px: int) -> Any:
    return albumentations.CenterCrop(side_px, side_px)


def _as_is(batch: Any) -> Any:
    return batch


if __name__ == "__main__":
    typer.run(main)
