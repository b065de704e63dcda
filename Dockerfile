# The demo as an image: on the CPU, without rights, with everything it needs inside.
#
#   docker build --tag lstm-models .
#   docker run --rm --publish 127.0.0.1:7860:7860 lstm-models
#   docker run --rm --volume "$PWD:/home/app/work" lstm-models write "Dear reader," --out letter.svg
#
# docs/deployment.md says the rest.

FROM python:3.11-slim-bookworm AS build

# PyPI's builds of PyTorch bring three gigabytes of libraries for GPUs; an index with builds for the CPU saves them.
ARG TORCH_INDEX=

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /src
RUN python -m venv /opt/lstm-models
ENV PATH=/opt/lstm-models/bin:$PATH

# What is pinned first, by itself: a change of the code alone leaves these layers as they are.
COPY deploy/requirements.txt deploy/requirements.txt
# pip refuses a file whose hash is another one. Another index's builds of PyTorch have other hashes; PyPI's are checked,
# and the libraries for GPUs that they want are then installed at the versions that they name.
RUN grep -oE '^torch(vision|audio)?==[0-9.]+' deploy/requirements.txt > torch.txt \
    && if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-deps --index-url "$TORCH_INDEX" --requirement torch.txt \
        && sed -E '/^torch(vision|audio)?==/,/[^\\]$/d' deploy/requirements.txt > rest.txt \
        && pip install --no-deps --require-hashes --requirement rest.txt; \
    else pip install --no-deps --require-hashes --requirement deploy/requirements.txt \
        && pip install --requirement torch.txt; fi

COPY pyproject.toml README.md LICENSE THIRD_PARTY_NOTICES.md ./
COPY lstm_models lstm_models
COPY datasets datasets
COPY apps apps
RUN pip install --no-deps . \
    && pip check \
    && pip uninstall --yes pip


FROM python:3.11-slim-bookworm

RUN useradd --create-home --uid 1000 app \
    && install --directory --owner app --group app /home/app/work

COPY --from=build /opt/lstm-models /opt/lstm-models

# Whatever is written goes to /tmp: the rest may be mounted read-only.
ENV PATH=/opt/lstm-models/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HUB_OFFLINE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba

USER 1000:1000
WORKDIR /home/app/work
EXPOSE 7860

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]

ENTRYPOINT ["lstm-models"]
CMD ["demo", "--host", "0.0.0.0", "--port", "7860"]
