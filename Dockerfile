# syntax=docker/dockerfile:1
# The image of rulesync: the daemon, and the command line beside it. The instructions are also carried out without Docker, by
# `cargo run -p rulesync-release -- replay DIRECTORY`, which is why paths in RUN are relative to WORKDIR.

ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-bookworm AS build
WORKDIR /build
# Unoptimized: that is built in seconds, and runs once.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install cargo-auditable --version 0.7.7 --locked --debug
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY bins bins
COPY tests tests
COPY deploy/release deploy/release
# `quick` is built in a tenth of the time, for a look at whether all of this works.
ARG PROFILE=release
# What each binary is made of is in the binary: `cargo audit bin`, syft, trivy and others read it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo auditable build --profile "$PROFILE" --locked --package rulesyncd --package rulesync \
    && mkdir dist \
    && cp "target/$PROFILE/rulesyncd" "target/$PROFILE/rulesync" dist

# What is published besides the image.
FROM build AS packages
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install cargo-deb --version 3.8.0 --locked --debug \
    && cargo install auditable2cdx --version 0.1.0 --locked --debug
COPY LICENSE ./
COPY deploy/debian deploy/debian
COPY deploy/systemd deploy/systemd
RUN deploy/release/package.sh dist

FROM scratch AS artifacts
COPY --from=packages /build/dist/packages /

FROM gcr.io/distroless/cc-debian13:nonroot AS image
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="rulesyncd" \
      org.opencontainers.image.description="Keeps the rules of Grafana Mimir, Loki, Cortex, Prometheus and vmalert identical to what teams declare in Kubernetes" \
      org.opencontainers.image.url="https://github.com/rulesync/rulesync" \
      org.opencontainers.image.source="https://github.com/rulesync/rulesync" \
      org.opencontainers.image.documentation="https://github.com/rulesync/rulesync/tree/main/docs" \
      org.opencontainers.image.vendor="rulesync" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /build/dist/rulesyncd /build/dist/rulesync /usr/local/bin/
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/rulesyncd"]
