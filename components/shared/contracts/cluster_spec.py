"""The problem file's `cluster:` section: what steps ask of a cluster, and by which secret they reach outside data.

    cluster:
      secret: pets-object-store
      gpus: 4
      training: {memory: 32Gi, memory_limit: 128Gi}

Where a run has no cluster, nothing of it counts.
"""

from dataclasses import field
from decimal import Decimal, ROUND_CEILING
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from components.shared.runtime.settings import settings_model
from components.shared.runtime.settings_words import Words

OBJECT_STORE_SECRET = "pluszero-object-store"  # noqa: S105 - its name, and the manifests'
MAX_GPUS = 8

# What of a secret for object stores becomes a variable of the step: S3's clients read these.
STORE_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_DEFAULT_REGION",
)

_NUMBER = r"(0\.\d*[1-9]\d*|[1-9]\d*(?:\.\d+)?)"
_MEBIBYTES = {"Mi": 1, "Gi": 1 << 10, "Ti": 1 << 20}


def _written(value: Any) -> Any:
    """A number as text: `cpu: 2` is two cores."""
    return f"{value:g}" if type(value) in (int, float) else value


Cores = Annotated[
    str,
    BeforeValidator(_written),
    StringConstraints(pattern=f"^{_NUMBER}m?$"),
    Words("cores as Kubernetes writes them: 2, 0.5 or 500m"),
    WithJsonSchema({"type": ["string", "number"]}),
]
Memory = Annotated[
    str,
    StringConstraints(pattern=f"^{_NUMBER}(Mi|Gi|Ti)$"),
    Words("memory as Kubernetes writes it: 512Mi, 16Gi or 1Ti"),
]
SecretName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"),
    Words("the name of a secret: small letters, digits, hyphens and points"),
]


RegistryAddress = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$"),
    Words("an address that begins with https:// or http://, without a user"),
]


@settings_model
class StepSize:
    """What steps of a kind ask a node for, and the most that they may take of it.

    Attributes
    ----------
    cpu, cpu_limit
        Cores.
    memory, memory_limit
        Memory: a step that takes more than its limit is ended.
    """

    cpu: Cores = "500m"
    cpu_limit: Cores = "16"
    memory: Memory = "1Gi"
    memory_limit: Memory = "64Gi"


@settings_model
class ClusterSpec:
    """What a run asks of a cluster; the defaults let the embedded data run on a node of 2 cores and 4 GiB.

    Attributes
    ----------
    secret
        The secret by which steps reach an object store, where there is one; the first step always takes the default.
    registry
        Where the Kubeflow Model Registry is that is told of releases and of the champion; None for none.
    gpus
        GPUs of the one node that trains, where the pipeline's profile has GPUs.
    data, training
        Steps that read data, and steps that compute with a model.
    """

    secret: SecretName = OBJECT_STORE_SECRET
    registry: RegistryAddress | None = None
    gpus: Annotated[int, Ge(1), Le(MAX_GPUS)] = 1
    data: StepSize = field(default_factory=StepSize)
    training: StepSize = field(default_factory=StepSize)

    def __post_init__(self) -> None:
        for kind, steps in (("data", self.data), ("training", self.training)):
            check_limits(f"cluster.{kind}", cpu=(steps.cpu, steps.cpu_limit), memory=(steps.memory, steps.memory_limit))


def check_limits(section: str, *, cpu: tuple[str, str], memory: tuple[str, str]) -> None:
    """Check that no more is asked for than the limit, both as Kubernetes writes them.

    Raises
    ------
    ValueError
        If more is asked for; the message names the key, within `section` of the problem file.
    """
    for name, (asked, limit), size in (("cpu", cpu, _in_cores), ("memory", memory, _in_mebibytes)):
        if size(asked) > size(limit):
            raise ValueError(f"{section}.{name} must be at most {name}_limit, {limit}, got {asked}")


def canonical_cores(text: str) -> str:
    """Cores in the one form that Kubernetes itself writes: `1500m` for 1.5, `2` for 2000m.

    Parameters
    ----------
    text
        As the problem file may write them, see `Cores`.

    References
    ----------
    `Quantity.CanonicalizeBytes` of k8s.io/apimachinery/pkg/api/resource.
    """
    cores = _in_cores(text)
    if cores != cores.to_integral_value():
        thousandths = (cores * 1000).to_integral_value(ROUND_CEILING)
        return f"{thousandths:f}m"
    thousands = cores / 1000
    return f"{thousands:f}k" if thousands == thousands.to_integral_value() else f"{cores.to_integral_value():f}"


def canonical_memory(text: str) -> str:
    """Memory in the one form that Kubernetes itself writes: `1536Mi` for 1.5Gi, `1Gi` for 1024Mi; in whole bytes.

    Parameters
    ----------
    text
        As the problem file may write it, see `Memory`.

    References
    ----------
    `Quantity.CanonicalizeBytes` of k8s.io/apimachinery/pkg/api/resource.
    """
    number = int((_in_mebibytes(text) * 2**20).to_integral_value(ROUND_CEILING))
    if number < 2**10:
        return str(number)
    suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi"]
    while number % 2**10 == 0 and len(suffixes) > 1:
        number //= 2**10
        del suffixes[0]
    return f"{number}{suffixes[0]}"


def _in_cores(text: str) -> Decimal:
    return Decimal(text[:-1]) / 1000 if text.endswith("m") else Decimal(text)


def _in_mebibytes(text: str) -> Decimal:
    return Decimal(text[:-2]) * _MEBIBYTES[text[-2:]]
