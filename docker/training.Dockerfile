# Image `training`: ingestion, features, training and analysis with torch. CUDA comes with torch: a node needs nothing but an NVIDIA driver.
# Training and serving are the same down to the layer of torch, and so share it.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS torch
ARG CUDA=cu13
RUN echo 'pluszero:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd
COPY docker/install docker/installer.txt docker/torch-${CUDA}.txt /opt/pluszero/
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca \
    /opt/pluszero/install /opt/pluszero/torch-${CUDA}.txt \
    # Headers are for compiling against torch and CUDA; no compiler is here.
    && rm -rf /opt/venv/lib/python3*/site-packages/torch/include /opt/venv/lib/python3*/site-packages/nvidia/*/include

FROM torch AS training
COPY docker/training.txt /opt/pluszero/
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca \
    /opt/pluszero/install /opt/pluszero/training.txt
ENV PATH=/opt/venv/bin:${PATH} PYTHONPATH=/opt/pluszero PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp USER=pluszero XDG_CACHE_HOME=/tmp/.cache MPLCONFIGDIR=/tmp/.config/matplotlib \
    NO_ALBUMENTATIONS_UPDATE=1 DO_NOT_TRACK=1 MLFLOW_DISABLE_TELEMETRY=true HF_HUB_DISABLE_TELEMETRY=1 TF_CPP_MIN_LOG_LEVEL=3 OMP_WAIT_POLICY=PASSIVE
COPY LICENSE /opt/pluszero/
COPY components /opt/pluszero/components
ARG COMMIT=unknown
ARG VERSION=unknown
ARG SOURCE=unknown
# Some engines take labels from an earlier build unless a step before them has changed; this one does, with every commit.
RUN python -m compileall -q /opt/pluszero/components && echo "${VERSION} ${COMMIT} ${SOURCE}" > /opt/pluszero/BUILD
LABEL org.opencontainers.image.title=pluszero-mlops-training \
      org.opencontainers.image.description="ingestion, features, training and analysis with torch" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.revision=${COMMIT} \
      org.opencontainers.image.version=${VERSION} \
      pluszero-mlops.source=${SOURCE}
USER 10001:10001
WORKDIR /tmp
