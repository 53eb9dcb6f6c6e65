FROM node:24-bookworm-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*

# All that the agent needs at run time: node without debug symbols, and its libraries; no shell.
WORKDIR /image
RUN mkdir -p bin etc \
 && strip --strip-all -o bin/node /usr/local/bin/node \
 && cp --dereference --parents $(ldd /usr/local/bin/node | grep --only-matching '/[^ ]*') . \
 && echo 'hosts: files dns' > etc/nsswitch.conf \
 && printf 'root:x:0:0::/:\nagent:x:65532:65532::/:\n' > etc/passwd

COPY src/cli/health.c .
RUN gcc -Os -s -o bin/health health.c && rm health.c

# The commands, for `docker exec`.
RUN printf '#!/bin/node\nimport("/app/main.js")\n' > bin/app-metrics-proxy \
 && chmod +x bin/app-metrics-proxy

WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY LICENSE README.md tsconfig.json ./
COPY docs docs
COPY tools/build.ts tools/bundling.ts tools/
COPY src src
RUN node tools/build.ts \
 && npm pkg delete devDependencies optionalDependencies \
 && npm prune \
 && npm sbom --omit optional --sbom-format spdx > dist/sbom.spdx.json \
 && cp /usr/local/LICENSE dist/LICENCE-OF-NODE.txt \
 && cp LICENSE dist/ \
 && mv dist /image/app


FROM scratch
COPY --from=build /image /
ENV NODE_ENV=production
# A DNS lookup of the C library can't be cancelled, and the process can't exit before it ends. Two attempts of one
# second limit it to two seconds if DNS doesn't respond, instead of ten and more.
ENV RES_OPTIONS="timeout:1 attempts:2"
# By default the C library returns little of the freed memory: an agent that was short of memory once would stay so.
# From 48 KiB on, memory is returned as soon as it is freed, which pages of node_exporter just reach.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=49152 MALLOC_TRIM_THRESHOLD_=131072
# The port for Prometheus, and the one for other agents.
EXPOSE 2137 2140
# Liveness only. Swarm's DNS lists a task once it is healthy: the first check comes soon, and the program awaits the
# agent while it starts; later it waits for ten seconds before each check. No start period: Docker would check late.
HEALTHCHECK --interval=1s --timeout=20s CMD ["/bin/health", "10", "/bin/node", "/app/health.cjs"]
# Runs as uid 0 by default, since Docker's socket belongs to root. See deploy/hardened.
# --expose-gc: garbage is collected before memory counts as short. Of a scrape little remains but buffers outside of the
# heap. --max-semi-space-size: small, frequent collections of the young generation free them. --initial-old-space-size:
# a full collection is due once heap and buffers take 48 MB, not at each 8 MB more, which took a third of a scrape.
ENTRYPOINT ["/bin/node", "--expose-gc", "--max-semi-space-size=1", "--initial-old-space-size=48", "/app/main.js"]
LABEL org.opencontainers.image.title="app-metrics-proxy" \
      org.opencontainers.image.description="Discovers the containers of a Docker Swarm, scrapes their Prometheus metrics and serves all of them on one port." \
      org.opencontainers.image.licenses="Apache-2.0"
