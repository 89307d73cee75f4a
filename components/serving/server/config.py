"""What the server serves and where it listens; checked before anything heavy is imported."""

from dataclasses import field
from pathlib import Path
import re
import socket
from typing import Annotated

from annotated_types import Ge, Le

from components.shared.runtime.settings import settings_model
from components.shared.runtime.settings_words import Words
from components.shared.serving_log.payload_policy import PayloadPolicy
from components.shared.serving_log.time_window import check_kept_days

# The difference of an answer that another way to compute may make.
MAX_DIFFERENCE = 1e-5

_Port = Annotated[int, Ge(1), Le(65535), Words("1 to 65535")]

_Difference = Annotated[float, Ge(0), Le(0.1), Words("0 to 0.1")]
_Seconds = Annotated[float, Ge(0), Le(600), Words("0 to 600 seconds")]


@settings_model
class ServerConfig:
    """What to serve, and where.

    `model_name` is the name in URLs; `host` is 127.0.0.1 for this machine alone, 0.0.0.0 inside a container; `device`
    is `auto`, `cpu` or `cuda`; whatever computes them, answers lie at most `max_difference` from the model's own; for
    `drain_seconds` a server that is told to end still takes requests; `access_log` writes a line a request. `log_dir`,
    a folder or an fsspec URI, is where the serving log is written, with as much of the inputs as `log_payload` says;
    None writes none. Hours of the log that ended more than `retention_days` ago are deleted; None keeps all.
    """

    model_dir: Path
    model_name: str = "model"
    host: str = "127.0.0.1"
    http_port: _Port = 8080
    grpc_port: _Port = 8081
    device: str = "auto"
    max_difference: _Difference = MAX_DIFFERENCE
    drain_seconds: _Seconds = 0.0
    access_log: bool = False
    log_dir: str | None = None
    log_payload: PayloadPolicy = field(default_factory=PayloadPolicy)
    retention_days: float | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", self.model_name):
            raise ValueError(
                f"model_name must be letters, digits, dots, hyphens and underscores, got {self.model_name!r}"
            )
        check_kept_days(self.retention_days)
        if self.retention_days is not None and self.log_dir is None:
            raise ValueError(f"retention_days must come with log_dir, got {self.retention_days:g} days of no log")
        if self.http_port == self.grpc_port:
            raise ValueError(f"http_port and grpc_port must differ, got {self.http_port} for both")


def check_ports(config: ServerConfig) -> None:
    """Raise ValueError where the address cannot be used or a port is taken."""
    for flag, port in (("--http-port", config.http_port), ("--grpc-port", config.grpc_port)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(config.host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ValueError(f"{flag} {port} must be free on {config.host}, but it cannot be used: {reason}") from error


def address_of(host: str, port: int) -> str:
    """Host and port as URLs and gRPC write them, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
