"""How a pod is placed on an NVIDIA node: names that steps, train jobs and manifests agree on."""

ACCELERATOR = "nvidia.com/gpu"

# NVIDIA's GPU feature discovery sets the label, and clouds taint GPU nodes by the resource's name.
NODE_LABEL = "nvidia.com/gpu.present"
NODE_LABEL_VALUE = "true"
TOLERATION = {"key": ACCELERATOR, "operator": "Exists", "effect": "NoSchedule"}

# Kueue's label; it is ignored where Kueue is not installed. `manifests/` creates the queue and the claim.
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
QUEUE = "pluszero-gpu"
WORKSPACE_CLAIM = "pluszero-workspace"
WORKSPACE_PATH = "/mnt/pluszero"

# How many nodes the profile `nodes` trains on where the problem file says nothing.
DEFAULT_NODES = 2

# Data loaders pass batches through shared memory, of which containers get 64 MiB by default.
SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 - it is that folder
SHARED_MEMORY = "8Gi"

# The images' user, and the folder where their HOME and caches are.
IMAGE_USER = 10001
SCRATCH_PATH = "/tmp"  # noqa: S108 - the only folder that the images' user may write to
