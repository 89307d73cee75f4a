# Image `validation`: TensorFlow Data Validation. One of its dependencies must be compiled, so a stage of its own installs.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS environment
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends g++ python3-dev > /dev/null
COPY docker/install docker/installer.txt docker/validation.txt /opt/pluszero/
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=secret,id=ca \
    /opt/pluszero/install /opt/pluszero/validation.txt \
    # TensorFlow's headers, 430 MB, are for compiling against it.
    && rm -rf /opt/venv/lib/python3*/site-packages/tensorflow/include

FROM ${BASE} AS validation
RUN echo 'pluszero:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd
COPY --from=environment /opt/venv /opt/venv
COPY docker/validation.txt /opt/pluszero/
ENV PATH=/opt/venv/bin:${PATH} PYTHONPATH=/opt/pluszero PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp USER=pluszero XDG_CACHE_HOME=/tmp/.cache MPLCONFIGDIR=/tmp/.config/matplotlib \
    NO_ALBUMENTATIONS_UPDATE=1 DO_NOT_TRACK=1 MLFLOW_DISABLE_TELEMETRY=true HF_HUB_DISABLE_TELEMETRY=1 TF_CPP_MIN_LOG_LEVEL=3
COPY LICENSE /opt/pluszero/
COPY components /opt/pluszero/components
ARG COMMIT=unknown
ARG VERSION=unknown
ARG SOURCE=unknown
# Some engines take labels from an earlier build unless a step before them has changed; this one does, with every commit.
RUN python -m compileall -q /opt/pluszero/components && echo "${VERSION} ${COMMIT} ${SOURCE}" > /opt/pluszero/BUILD
LABEL org.opencontainers.image.title=pluszero-mlops-validation \
      org.opencontainers.image.description="data verification with TFDV" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.revision=${COMMIT} \
      org.opencontainers.image.version=${VERSION} \
      pluszero-mlops.source=${SOURCE}
USER 10001:10001
WORKDIR /tmp
