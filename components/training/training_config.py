"""Everything that decides how a model is trained, beside the data and the seed."""

from collections.abc import Mapping
import contextlib
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_args, Literal

from components.modeling.backbone_config import backbone_config_from, BackboneConfig

PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
ClassWeighting = Literal["none", "balanced"]
AugmentationPlace = Literal["auto", "cpu", "device"]

_AT_LEAST: tuple[tuple[str, float], ...] = (
    ("max_epochs", 1),
    ("batch_size", 2),
    ("min_steps", 1),
    ("patience_epochs", 1),
    ("num_workers", 0),
    ("accumulation_passes", 1),
    ("max_examples", 2),
    ("checkpoint_every_s", 0),
    ("num_processes", 1),
    ("num_nodes", 1),
)
_SMALLEST_BATCH = 16
# What a problem file must not change: the backbone and its sample belong to the run's own parameters.
_FIXED = ("backbone", "max_examples")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """A training: what a recipe decides, and a problem file's section `training` may change."""

    backbone: BackboneConfig
    max_epochs: int  # 1 or more
    batch_size: int  # examples a step of the optimiser, over all processes and passes; 2 or more
    learning_rate: float  # peak of the schedule: a linear warm-up, then a cosine down to 0
    min_steps: int = 1  # an epoch: few examples are learnt from in smaller batches, though of no fewer than 16
    accumulation_passes: int = 1  # passes a step: a GPU that cannot hold `batch_size` examples takes them in parts
    warm_up_share: float = 0.05  # of the steps, 0 to below 1
    weight_decay: float = 1e-4  # AdamW's
    max_gradient_norm: float | None = None  # gradients are scaled down to it; None leaves them as they are
    label_smoothing: float = 0.0  # share of the target spread evenly over all classes, 0 to below 1
    class_weighting: ClassWeighting = "none"  # `balanced` lets rare classes weigh more in the loss
    patience_epochs: int = 5  # training stops after so many without a lower validation loss
    max_examples: int | None = None  # a stratified sample of the training examples; None for all
    augment: bool = True  # whether the feature store's augmentation policy is applied; images only
    # `cpu` augments with albumentations where batches are read; `device` runs as much of the policy's end as it can in
    # batches where the network computes; `auto` is `device` on a GPU. A seed's images differ between the two, their
    # distribution does not.
    augment_on: AugmentationPlace = "auto"
    # `auto` computes in bfloat16 on a GPU that can, in float16 on an older one (with scaled gradients), in float32 on
    # a CPU; the others insist.
    precision: PrecisionName = "auto"
    compile: bool = False  # `torch.compile`; it needs a C compiler where it runs
    warm_start: str = ""  # a bundle, path or URI, whose weights training starts from; empty for none
    # Threads that prepare batches, which do not depend on it; 0 prepares them in the thread that trains. None takes 0
    # on a CPU, up to 8 beside a GPU.
    num_workers: int | None = None
    num_processes: int | None = None  # a node; None takes one a GPU, and one on a CPU
    num_nodes: int = 1  # as a `TrainJob`; 1 trains within the pipeline's step
    checkpoint_every_s: float = 300.0  # also within an epoch; 0 saves after every step

    def __post_init__(self) -> None:
        for name, smallest in _AT_LEAST:
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise ValueError(f"{name} must be at least {smallest}, got {value}")
        for name in ("warm_up_share", "label_smoothing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} must lie in 0 to below 1, got {getattr(self, name)}")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError(
                f"learning_rate must be above 0 and weight_decay not below, got {self.learning_rate} "
                f"and {self.weight_decay}"
            )
        if self.max_gradient_norm is not None and self.max_gradient_norm <= 0:
            raise ValueError(f"max_gradient_norm must be above 0, got {self.max_gradient_norm}")
        for name, choices in (
            ("precision", PrecisionName),
            ("class_weighting", ClassWeighting),
            ("augment_on", AugmentationPlace),
        ):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, got {getattr(self, name)!r}")

    def step_size(self, num_examples: int) -> int:
        """Examples a step, for a training on so many."""
        smaller = max(num_examples // self.min_steps, _SMALLEST_BATCH)
        return min(self.batch_size, smaller, num_examples)

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


def training_config_from(content: Mapping[str, Any]) -> TrainingConfig:
    """Read what `to_dict` wrote."""
    return TrainingConfig(**{**content, "backbone": backbone_config_from(content["backbone"])})


def overridden(config: TrainingConfig, settings: Mapping[str, Any]) -> TrainingConfig:
    """A recipe's config with a problem file's section `training`; its `options` go to a custom model."""
    known = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in _FIXED}
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "options":
            if not isinstance(value, Mapping):
                raise ValueError(f"training.options must be a mapping, got {value!r}")
        elif name not in known:
            raise ValueError(f"unknown key 'training.{name}'; known keys are {', '.join([*known, 'options'])}")
        else:
            changes[name] = _checked(name, value)
    backbone = config.backbone
    if settings.get("options"):
        backbone = replace(backbone, options={**backbone.options, **settings["options"]})
    try:
        return replace(config, backbone=backbone, **changes)
    except ValueError as error:
        raise ValueError(f"the section training of the problem file: {error}") from error


def _checked(name: str, value: Any) -> Any:
    """Check a value of the problem file, and return it as the config takes it."""
    annotation = next(str(field.type) for field in fields(TrainingConfig) if field.name == name)
    if "float" in annotation and isinstance(value, str):
        # YAML takes 1e-3 for text.
        with contextlib.suppress(ValueError):
            value = float(value)
    is_bool = isinstance(value, bool)
    if value is None:
        fits, wanted = "None" in annotation, "a value"
    elif "bool" in annotation:
        fits, wanted = is_bool, "true or false"
    elif "float" in annotation:
        fits, wanted = isinstance(value, int | float) and not is_bool, "a number"
    elif "int" in annotation:
        fits, wanted = isinstance(value, int) and not is_bool, "a whole number"
    else:
        fits, wanted = isinstance(value, str), "a word"
    if not fits:
        raise ValueError(f"training.{name} must be {wanted}, got {value!r}")
    return value
