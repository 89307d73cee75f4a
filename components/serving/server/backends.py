"""What may compute a bundle's network on this machine: torch in several ways, and ONNX Runtime."""

from collections.abc import Callable
from dataclasses import dataclass
import importlib.metadata
import importlib.util
import logging
from pathlib import Path
import platform
from typing import TYPE_CHECKING

from components.modeling.onnx_predictor import has_network, load_onnx_predictor
from components.modeling.prepared_model import PreparedModel
from components.shared.contracts.bundle import bundle_version, read_config

if TYPE_CHECKING:
    from components.modeling.predictor import Predictor

logger = logging.getLogger(__name__)

EAGER, CHANNELS_LAST, BFLOAT16, ONNX_RUNTIME = "eager", "channels_last", "bfloat16", "onnxruntime"
_LIBRARIES = ("torch", "onnxruntime", "numpy")
_PROCESSORS = Path("/proc/cpuinfo")


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """One way to compute; `use` returns the model that computes so, and may take the others of its kind out of use."""

    name: str
    use: Callable[[], PreparedModel]


class Backends:
    """The ways to compute a bundle, each loaded when it is first used.

    Parameters
    ----------
    path
        The bundle, which is checked.
    device
        `auto`, `cpu` or `cuda`. ONNX Runtime computes on the processor alone, and is no choice beside a GPU.
    num_threads
        Threads of one prediction.

    Raises
    ------
    ContractError
        If the bundle is damaged, or nothing that is installed can compute it.
    ValueError
        If a GPU is asked for and there is none.
    """

    def __init__(self, path: str | Path, *, device: str, num_threads: int) -> None:
        self._path, self._num_threads = path, num_threads
        self._predictor: Predictor | None = None
        self._has_torch = _is_installed("torch")
        self._is_image = read_config(path).modality == "image"
        self._has_network = has_network(path)
        if not self._has_torch and device == "cuda":
            raise ValueError("device cuda must have torch, which is not installed here: serve with another image")
        if not self._has_torch and not self._has_network:
            load_onnx_predictor(path, num_threads=num_threads)  # which says what is missing
        self.device = self._chosen_device(device) if self._has_torch else "cpu"

    @property
    def names(self) -> tuple[str, ...]:
        """Those that may be tried here, the model's own first."""
        names = [EAGER] if self._has_torch else []
        if self._has_network and self.device == "cpu":
            names.append(ONNX_RUNTIME)
        if self._has_torch and self.device == "cuda":
            names.append(BFLOAT16)
        if self._has_torch and self._is_image:
            names.append(CHANNELS_LAST)
        return tuple(names)

    def backend(self, name: str) -> Backend:
        """One of `names`."""
        ways = {
            EAGER: self._eager,
            CHANNELS_LAST: self._channels_last,
            BFLOAT16: self._bfloat16,
            ONNX_RUNTIME: self._onnx_runtime,
        }
        return Backend(name=name, use=ways[name])

    def hardware(self) -> dict[str, str | int]:
        """What decides which way is the fastest: the bundle, the processor, the device, threads, libraries."""
        return {
            "bundle": bundle_version(self._path),
            "processor": _processor(),
            "device": self._device_name(),
            "threads": self._num_threads,
            **{name: _version(name) for name in _LIBRARIES},
        }

    def _chosen_device(self, device: str) -> str:
        import torch

        from components.modeling.gpu.devices import choose_device

        torch.set_num_threads(self._num_threads)
        return choose_device(device).type

    def _device_name(self) -> str:
        if self.device != "cuda":
            return self.device
        import torch

        return torch.cuda.get_device_name()

    def _torch(self) -> "Predictor":
        if self._predictor is None:
            from components.modeling.predictor import load_predictor

            self._predictor = load_predictor(self._path, device=self.device)
        return self._predictor

    def _eager(self) -> "Predictor":
        predictor = self._torch()
        predictor.compute_in_half(False)
        predictor.lay_out(channels_last=False)
        return predictor

    def _channels_last(self) -> "Predictor":
        predictor = self._eager()
        predictor.lay_out(channels_last=True)
        return predictor

    def _bfloat16(self) -> "Predictor":
        predictor = self._eager()
        predictor.compute_in_half(True)
        predictor.lay_out(channels_last=self._is_image)
        return predictor

    def _onnx_runtime(self) -> PreparedModel:
        return load_onnx_predictor(self._path, num_threads=self._num_threads)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _processor(path: Path = _PROCESSORS) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"
