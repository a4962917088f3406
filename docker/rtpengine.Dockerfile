# Debian's own rtpengine, in userspace: `media.engine: rtpengine` (docs/engines.md).
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends rtpengine-daemon \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin media
USER media
HEALTHCHECK --interval=10s --timeout=3s CMD ["sh", "-c", "grep -q rtpengine /proc/1/cmdline"]
ENTRYPOINT ["rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--table=-1"]
