FROM node:24-bookworm-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*

# All that the agent needs to run: node without its debug symbols, the libraries that it names, no shell.
WORKDIR /image
RUN mkdir -p bin etc \
 && strip --strip-all -o bin/node /usr/local/bin/node \
 && cp --dereference --parents $(ldd /usr/local/bin/node | grep --only-matching '/[^ ]*') . \
 && echo 'hosts: files dns' > etc/nsswitch.conf \
 && printf 'root:x:0:0::/:\nagent:x:65532:65532::/:\n' > etc/passwd

COPY src/cli/health.c .
RUN gcc -Os -s -o bin/health health.c && rm health.c

# The commands, for who runs them in the agent's container.
RUN printf '#!/bin/node\nimport("/app/main.js")\n' > bin/app-metrics-proxy \
 && chmod +x bin/app-metrics-proxy

WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY LICENSE tsconfig.json ./
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
# The system's look-up of a name can't be called off, and the process can't end before it: with two tries of a
# second each it takes two seconds where DNS doesn't answer, instead of ten and more.
ENV RES_OPTIONS="timeout:1 attempts:2"
# Of what was freed, the C library gives little back unless told so: an agent that was short of memory for a while
# would stay so for ever.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
# The port for Prometheus, and the one on which agents talk with each other.
EXPOSE 2137 2140
# Liveness only. So soon, because Swarm's DNS names a task once it is healthy; later the program first waits.
HEALTHCHECK --interval=2s --timeout=20s --start-period=10s CMD ["/bin/health", "10", "/bin/node", "/app/health.cjs"]
# It runs as uid 0 by default, without any capability: Docker's socket belongs to root. See deploy/hardened.
# Before caches are shed because memory is short, what nobody holds any more is collected: hence --expose-gc.
# Pages are large and short-lived: a small nursery saves a quarter of the memory that 500 of 62 KB take, for a
# twentieth more CPU.
ENTRYPOINT ["/bin/node", "--expose-gc", "--max-semi-space-size=4", "/app/main.js"]
LABEL org.opencontainers.image.title="app-metrics-proxy" \
      org.opencontainers.image.description="Finds the containers of a Docker Swarm, reads their Prometheus metrics and answers for all of them on one port." \
      org.opencontainers.image.licenses="Apache-2.0"
