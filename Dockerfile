# The operator's image, for those who have Docker: docker build -t registry.example/schemaward:0.1.0 .
# The test bed makes the same image without Docker: testbed/cluster/image.sh.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY migrations migrations
# With --target, so that the static flag reaches the program and not the build scripts.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    triple=$(rustc -vV | sed -n 's/^host: //p') && \
    RUSTFLAGS='-C target-feature=+crt-static' cargo rustc --release --locked --target "$triple" --bin schemaward -- \
      -C link-arg=-Wl,-z,pack-relative-relocs && \
    cp "target/$triple/release/schemaward" /schemaward

# Nothing but the program: no shell, no C library, no package to keep up to date.
FROM scratch
COPY --from=build /schemaward /schemaward
USER 65532:65532
ENTRYPOINT ["/schemaward"]
