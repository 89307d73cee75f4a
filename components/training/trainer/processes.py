"""The processes of one training: how many, which one this is, and how Lightning lets them work together."""

from dataclasses import dataclass
import os
from typing import Any

from pytorch_lightning.plugins.environments import TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, Strategy
import torch

from components.training.training_config import TrainingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessGroup:
    """Where this process stands among those that train together, as torchrun says; `local_*` is on this node."""

    rank: int = 0
    num_processes: int = 1
    local_rank: int = 0
    num_local_processes: int = 1
    num_nodes: int = 1


def process_group() -> ProcessGroup:
    """What torchrun has put into the environment; one process where it has not started this one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return ProcessGroup()
    num_processes, num_local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    return ProcessGroup(
        rank=int(os.environ["RANK"]),
        num_processes=num_processes,
        local_rank=int(os.environ["LOCAL_RANK"]),
        num_local_processes=num_local,
        num_nodes=num_processes // num_local,
    )


def num_local_processes(config: TrainingConfig, device: torch.device) -> int:
    """Processes that train on this node: what the config says, else one a GPU, and one on a CPU."""
    if device.type != "cuda":
        return config.num_processes or 1
    available = torch.cuda.device_count()
    if (config.num_processes or 1) > available:
        raise ValueError(f"num_processes must be at most the number of GPUs, {available}, got {config.num_processes}")
    return config.num_processes or available


def trainer_placement(group: ProcessGroup, device: torch.device) -> dict[str, Any]:
    """Lightning's settings for where and with whom this process trains."""
    is_gpu = device.type == "cuda"
    return {
        "accelerator": "gpu" if is_gpu else "cpu",
        "devices": group.num_local_processes,
        "num_nodes": group.num_nodes,
        "strategy": _strategy(group, device),
        # Batches are divided by the sampler; batch norm must see the whole step as one process would.
        "use_distributed_sampler": False,
        "sync_batchnorm": is_gpu and group.num_processes > 1,
    }


def _strategy(group: ProcessGroup, device: torch.device) -> Strategy:
    if group.num_processes == 1:
        return SingleDeviceStrategy(device=torch.device("cuda", 0) if device.type == "cuda" else device)
    return DDPStrategy(
        cluster_environment=TorchElasticEnvironment(),
        process_group_backend="nccl" if device.type == "cuda" else "gloo",
    )
