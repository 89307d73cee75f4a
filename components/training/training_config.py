"""Everything that decides how a model is trained, beside the data and the seed."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt

from components.modeling.backbone_config import backbone_config_from, BackboneConfig
from components.shared.runtime.errors import ContractError
from components.shared.runtime.settings import partial_model, PositiveNumber, settings_from, settings_model
from components.shared.runtime.settings_text import written_settings
from components.shared.runtime.written_settings import WrittenSettings

PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
ClassWeighting = Literal["none", "balanced"]
AugmentationPlace = Literal["auto", "cpu", "device"]

_SMALLEST_BATCH = 16
# What a problem file must not change: the backbone and its sample belong to the run's own parameters.
_FIXED = ("backbone", "max_examples")
_SECTION = "training"
_Count = Annotated[int, Ge(1)]
_ShareBelowOne = Annotated[float, Ge(0), Lt(1)]


@settings_model
class TrainingConfig:
    """A training: what a recipe decides, and a problem file's section `training` may change."""

    backbone: BackboneConfig
    max_epochs: _Count
    batch_size: Annotated[int, Ge(2)]  # examples a step of the optimiser, over all processes and passes
    learning_rate: PositiveNumber  # peak of the schedule: a linear warm-up, then a cosine down to 0
    min_steps: _Count = 1  # an epoch: few examples are learnt from in smaller batches, though of no fewer than 16
    accumulation_passes: _Count = 1  # passes a step: a GPU that cannot hold `batch_size` examples takes them in parts
    warm_up_share: _ShareBelowOne = 0.05  # of the steps
    weight_decay: Annotated[float, Ge(0)] = 1e-4  # AdamW's
    max_gradient_norm: PositiveNumber | None = None  # gradients are scaled down to it; None leaves them as they are
    label_smoothing: _ShareBelowOne = 0.0  # share of the target spread evenly over all classes
    class_weighting: ClassWeighting = "none"  # `balanced` lets rare classes weigh more in the loss
    patience_epochs: _Count = 5  # training stops after so many without a lower validation loss
    max_examples: Annotated[int, Ge(2)] | None = None  # a stratified sample of the training examples; None for all
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
    num_workers: Annotated[int, Ge(0)] | None = None
    num_processes: _Count | None = None  # a node; None takes one a GPU, and one on a CPU
    num_nodes: _Count = 1  # as a `TrainJob`; 1 trains within the pipeline's step
    checkpoint_every_s: Annotated[float, Ge(0)] = 300.0  # also within an epoch; 0 saves after every step

    def step_size(self, num_examples: int) -> int:
        """Examples a step, for a training on so many."""
        smaller = max(num_examples // self.min_steps, _SMALLEST_BATCH)
        return min(self.batch_size, smaller, num_examples)

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON values."""
        return asdict(self)


# The section `training` of a problem file; its `options` go to a custom model.
TrainingSection: Any = partial_model("TrainingSection", TrainingConfig, without=_FIXED, options=Mapping[str, Any])


def training_config_from(content: Mapping[str, Any]) -> TrainingConfig:
    """Read what `to_dict` wrote."""
    return TrainingConfig(**{**content, "backbone": backbone_config_from(content["backbone"])})


def training_changes(training: str | WrittenSettings) -> Mapping[str, Any]:
    """What the section `training` of a problem file changes of a recipe, checked; JSON or YAML, empty for nothing.

    Raises
    ------
    ContractError
        If a key or value is unknown.
    """
    if isinstance(training, str):
        training = written_settings(training, where="", key=_SECTION)
    changes: Mapping[str, Any] = settings_from(TrainingSection, training)
    return changes


def overridden(config: TrainingConfig, settings: Mapping[str, Any] | WrittenSettings) -> TrainingConfig:
    """A recipe's config with a problem file's section `training`; its `options` go to a custom model."""
    changes = dict(settings_from(TrainingSection, settings, key=_SECTION))
    options = changes.pop("options", {})
    try:
        backbone = replace(config.backbone, options={**config.backbone.options, **options})
    except ContractError as error:
        raise ContractError(f"{_SECTION}.{error}") from error
    return replace(config, backbone=backbone, **changes)
