# Barometer's image: worker, serve, notify and every other command (`docker run barometer --help`).
#
#   docker build -t barometer .                                         the bundled model, no torch
#   docker build -t barometer:torch --target torch .                    any model of the hub, on CPU or GPU
#   docker build -t barometer:torch --target torch --build-arg TORCH_INDEX=URL .   torch from another index, such as
#                                                                       that of its builds without CUDA (a tenth)
#
# Versions are those of constraints.txt. Needs nothing that only BuildKit has.
ARG PYTHON=3.11-slim-bookworm

# --- What is installed -------------------------------------------------------------------------------------------------
FROM python:${PYTHON} AS build
# With a date given, compiled files are found by their source's hash, not by its time: the same input, the same image.
ENV SOURCE_DATE_EPOCH=1735689600 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# No pip in there: what runs installs nothing.
RUN python3 -m venv --without-pip /opt/barometer
# Dependencies first: a layer of their own, which a change of our code leaves as it is.
COPY pyproject.toml constraints.txt tools/requirements.py ./
RUN python3 requirements.py notify >requirements.txt \
    && python3 -m pip --python /opt/barometer/bin/python install --constraint constraints.txt --requirement requirements.txt
COPY README.md LICENSE ./
COPY infra infra
COPY model model
COPY stream stream
RUN python3 -m pip --python /opt/barometer/bin/python install --no-deps .

# --- What all images have -------------------------------------------------------------------------------------------------
FROM python:${PYTHON} AS runtime
LABEL org.opencontainers.image.title="Barometer" \
    org.opencontainers.image.description="Streaming sentiment on Kafka: worker, API and page, notifications" \
    org.opencontainers.image.licenses="Apache-2.0"
# No home, no shell, nothing of its own on the disk, but a place where a volume with models of the hub belongs.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin barometer \
    && install -d -o barometer -g barometer /models
# Compiled models and plots go to /tmp, the one place that is written to: everything works on a read-only file system.
ENV PATH=/opt/barometer/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    BAROMETER_CACHE_DIR=/tmp/barometer \
    HF_HOME=/models \
    MPLCONFIGDIR=/tmp/matplotlib \
    BAROMETER_METRICS_HOST=0.0.0.0 \
    BAROMETER_METRICS_PORT=9464 \
    BAROMETER_SERVE_HOST=0.0.0.0 \
    BAROMETER_NOTIFY_HOST=0.0.0.0
WORKDIR /tmp
USER 10001:10001
EXPOSE 8000 9096 9464
# Of the worker; compose gives serve and notify theirs, and none to commands that end.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "infra.probe", "http://127.0.0.1:9464/health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["barometer"]
CMD ["worker"]

# --- The default --------------------------------------------------------------------------------------------------------
FROM runtime AS slim
COPY --from=build /opt/barometer /opt/barometer

# --- With torch -----------------------------------------------------------------------------------------------------------
FROM build AS build-torch
ARG TORCH_INDEX=""
RUN python3 requirements.py --only torch >requirements.txt \
    && python3 -m pip --python /opt/barometer/bin/python install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
        --constraint constraints.txt --requirement requirements.txt

FROM runtime AS torch
COPY --from=build-torch /opt/barometer /opt/barometer

# The last stage is what is made when none is named.
FROM slim AS default
