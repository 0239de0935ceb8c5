# Builds the pages, then the binary, then an image with nothing else in it.

FROM node:22-bookworm-slim AS pages
WORKDIR /build/static
COPY static/package.json static/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY templates /build/templates
COPY static ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS binary
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ libclang-dev make python3-venv \
    && rm -rf /var/lib/apt/lists/*
# LightGBM needs a newer CMake than the distribution has.
RUN python3 -m venv /opt/tools && /opt/tools/bin/pip install --no-cache-dir 'cmake>=3.28,<4.2'
ENV CMAKE=/opt/tools/bin/cmake
WORKDIR /build
COPY . .
COPY --from=pages /build/static/dist static/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked \
    && cp target/release/luna /usr/local/bin/luna

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libgomp1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/luna luna
COPY --from=binary /usr/local/bin/luna /usr/local/bin/luna
COPY LICENSE /usr/share/doc/luna/LICENSE
# libgomp reads this when it loads; busy waiting takes the cores from those who answer requests.
ENV OMP_WAIT_POLICY=passive \
    LUNA_DATA_DIR=/var/lib/luna/data \
    LUNA_CONFIG_DIR=/etc/luna
USER luna
RUN mkdir /var/lib/luna/data
WORKDIR /var/lib/luna
VOLUME /var/lib/luna/data
EXPOSE 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["/usr/local/bin/luna", "health"]
CMD ["/usr/local/bin/luna", "serve"]
