# Image `serving-cpu`: KServe model server for releases that ONNX Runtime computes. No torch and no CUDA: a tenth of `serving`.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS serving-cpu
RUN echo 'pluszero:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd
COPY docker/install docker/installer.txt docker/serving-cpu.txt /opt/pluszero/
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca \
    /opt/pluszero/install /opt/pluszero/serving-cpu.txt
# ONNX Runtime has threads of its own; numpy's would compete with them for the cores.
ENV PATH=/opt/venv/bin:${PATH} PYTHONPATH=/opt/pluszero PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp USER=pluszero XDG_CACHE_HOME=/tmp/.cache OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE \
    NO_ALBUMENTATIONS_UPDATE=1 DO_NOT_TRACK=1 HF_HUB_DISABLE_TELEMETRY=1 ORT_DISABLE_TELEMETRY=1
COPY LICENSE /opt/pluszero/
COPY components /opt/pluszero/components
ARG COMMIT=unknown
ARG VERSION=unknown
ARG SOURCE=unknown
# Some engines take labels from an earlier build unless a step before them has changed; this one does, with every commit.
RUN python -m compileall -q /opt/pluszero/components && echo "${VERSION} ${COMMIT} ${SOURCE}" > /opt/pluszero/BUILD
LABEL org.opencontainers.image.title=pluszero-mlops-serving-cpu \
      org.opencontainers.image.description="KServe model server without torch, for nodes without a GPU" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.revision=${COMMIT} \
      org.opencontainers.image.version=${VERSION} \
      pluszero-mlops.source=${SOURCE}
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080 8081
CMD ["python", "-m", "components.serving", "--host=0.0.0.0", "--model-dir=/mnt/models"]
