# The image of the gate: the stripped binary, git for `--policy-ref`, and a
# shell for the forges' job scripts. Nothing else: no package manager, no
# interpreter. About 25 MB.
#
# The base is an argument, so that whoever builds decides what is trusted, and
# says it by digest. The release workflow resolves the tag once and passes what
# it found; by hand that is
#
#     digest=$(docker buildx imagetools inspect rust:1.95-bookworm --format '{{.Manifest.Digest}}')
#     docker build --build-arg RUST_IMAGE="rust:1.95-bookworm@$digest" -t countersign .
#
# Any Debian that has (or can install) a C compiler, git and busybox-static will
# do. A build that must not reach the network brings its own binary instead, in
# target/image/countersign:
#
#     docker build --build-arg RUST_IMAGE=local-debian --build-arg BINARY=prebuilt -t countersign .
ARG RUST_IMAGE=rust:1.95-bookworm
ARG BINARY=compiled

# hadolint ignore=DL3006
FROM ${RUST_IMAGE} AS compiled
WORKDIR /src
COPY . .
# The caches live with the builder, not in a layer; the binary leaves them here.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist && \
    install -D -m 0755 target/dist/countersign /out/countersign

# The binary alone, as a release judges it: `docker buildx build --target binary --output DIR .`
FROM scratch AS binary
COPY --from=compiled /out/countersign /countersign

# hadolint ignore=DL3006
FROM ${RUST_IMAGE} AS prebuilt
ARG PREBUILT=target/image/countersign
COPY --chmod=0755 ${PREBUILT} /out/countersign

# hadolint ignore=DL3006
FROM ${BINARY} AS collected
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Debian's versions of git and busybox are those of the base's digest or of the
# day's security updates; a version here would only keep the latter out.
# hadolint ignore=DL3008
RUN for need in git:git busybox:busybox-static; do \
        command -v "${need%%:*}" > /dev/null || missing+=("${need#*:}"); \
    done; \
    if [ -n "${missing+x}" ]; then \
        apt-get update && apt-get install -y --no-install-recommends "${missing[@]}" && \
        rm -rf /var/lib/apt/lists/*; \
    fi
COPY docker/collect /usr/local/bin/collect
RUN collect /image /out/countersign

FROM scratch
COPY --from=collected /image /
# The user of GitHub's hosted runners, who owns the workspace and the files
# behind $GITHUB_OUTPUT and $GITHUB_STEP_SUMMARY. GitHub advises root for want
# of this; a step that reads files from strangers should not have it. Elsewhere:
# `docker run --user "$(id -u):$(id -g)"`. No file of the image needs an owner.
USER 1001:1001
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    LANG=C.UTF-8 \
    # The gate reads commits that are already here. A crafted repository must
    # not make git fetch, nor ask.
    GIT_ALLOW_PROTOCOL=none \
    GIT_NO_LAZY_FETCH=1 \
    GIT_TERMINAL_PROMPT=0
ENTRYPOINT ["/usr/local/bin/countersign"]
CMD ["gate"]
