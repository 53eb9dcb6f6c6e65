// What the examples' files name and no registry gives here: real programs of Debian where it has them, else a
// program that speaks the same protocol. And further real exporters.

import { copyFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { importImage, withEngine } from './builder.ts'
import { fingerprint, repository } from './cache.ts'
import { type Engine, shareImages } from './engine.ts'
import { busyboxRoot, copyProgram, nodeExporterImage, preparedImages, preparedSet } from './images.ts'
import { productImage } from './product.ts'
import { run } from './shell.ts'

/** The variables by which the examples' files get other images than their own. */
export const standIns = {
  IMAGE: productImage,
  PROMETHEUS_IMAGE: 'lab/prometheus:1',
  ALERTMANAGER_IMAGE: 'lab/alertmanager:1',
  NATS_IMAGE: 'lab/nats:1',
  NODE_EXPORTER_IMAGE: nodeExporterImage,
  CADVISOR_IMAGE: 'lab/cadvisor:1',
  STATSD_IMAGE: 'lab/statsd:1',
  GRAFANA_IMAGE: 'lab/grafana:1',
}

/** Debian's exporter for nginx. */
export const nginxExporterImage = 'lab/nginx-exporter:1'
/** Debian's Python with Prometheus' client, and `images/python/app.py` on port 8000. */
export const pythonImage = 'lab/python:1'

/** What the applications' own Dockerfiles are made from. */
const base = 'node:24-bookworm-slim'
const scripts = join(import.meta.dirname, 'images', 'stand-ins')
const pythonApp = join(import.meta.dirname, 'images', 'python', 'app.py')
const packages = [
  ...['prometheus', 'prometheus-alertmanager', 'nats-server', 'prometheus-nginx-exporter'],
  ...['python3-minimal', 'python3-prometheus-client'],
]
const statsd = join(repository, 'test/prometheus/parts/statsd.ts')

/** The data root of an engine that has them, beside all other images of the lab. */
export async function preparedStandIns(): Promise<string> {
  const below = await preparedImages(true)
  const files = [...readdirSync(scripts).map((name) => join(scripts, name)), statsd, pythonApp]
  const versions = await run('dpkg-query', ['--show', ...packages])
  const name = `images-${fingerprint([import.meta.filename, ...files], versions, basename(below))}`
  return preparedSet(name, async (folder) => {
    await shareImages(below, join(folder, 'data'))
    await withEngine(folder, makeStandIns)
  })
}

async function makeStandIns(engine: Engine): Promise<void> {
  const config = '/etc/prometheus/prometheus.yml'
  await importProgram(engine, standIns.PROMETHEUS_IMAGE, '/usr/bin/prometheus', [
    `CMD ["--config.file=${config}", "--storage.tsdb.path=/prometheus"]`,
  ])
  // Debian's has its templates beside it instead of in it
  const templates = '/usr/share/prometheus/alertmanager'
  await importProgram(engine, standIns.ALERTMANAGER_IMAGE, '/usr/bin/prometheus-alertmanager', [], templates)
  await importProgram(engine, standIns.NATS_IMAGE, '/usr/sbin/nats-server')
  await importProgram(engine, nginxExporterImage, '/usr/bin/prometheus-nginx-exporter')
  await importImage(engine, pythonImage, pythonRoot, ['ENTRYPOINT ["/usr/bin/python3", "-B", "/app.py"]'])
  // Grafana can't be had: what would lie where it looks can be seen.
  await importImage(engine, standIns.GRAFANA_IMAGE, busyboxRoot, ['CMD ["sleep", "infinity"]'])
  await importImage(engine, 'lab/node:1', nodeRoot, [])
  await build(engine, base, 'CMD ["node"]')
  await build(engine, standIns.CADVISOR_IMAGE, 'ENTRYPOINT ["node", "/stand-ins/cadvisor.mjs"]')
  await build(engine, standIns.STATSD_IMAGE, 'ENTRYPOINT ["node", "/stand-ins/statsd.mjs"]')
}

async function importProgram(
  engine: Engine,
  tag: string,
  program: string,
  changes: readonly string[] = [],
  data?: string,
): Promise<void> {
  const fill = async (root: string) => {
    await copyProgram(program, root, 'bin/program')
    mkdirSync(join(root, 'tmp'))
    if (data) cpSync(data, join(root, data), { recursive: true })
  }
  await importImage(engine, tag, fill, ['ENTRYPOINT ["/bin/program"]', ...changes])
}

async function pythonRoot(root: string): Promise<void> {
  await copyProgram('/usr/bin/python3', root, 'usr/bin/python3')
  const library = await run('/usr/bin/python3', ['-c', 'import os; print(os.path.dirname(os.__file__))'])
  const filter = (from: string) => !/__pycache__|\/config-3[^/]*$/.test(from)
  const packages = '/usr/lib/python3/dist-packages'
  for (const path of [library, join(packages, 'prometheus_client'), join(packages, 'decorator.py')])
    cpSync(path, join(root, path), { recursive: true, dereference: true, filter })
  const modules = join(library, 'lib-dynload')
  for (const name of readdirSync(modules).filter((one) => /^_(bz2|hashlib|lzma|ssl)\./.test(one)))
    await copyProgram(join(modules, name), root, join(modules, name))
  copyFileSync(pythonApp, join(root, 'app.py'))
}

async function nodeRoot(root: string): Promise<void> {
  await busyboxRoot(root)
  mkdirSync(join(root, 'stand-ins'))
  for (const name of readdirSync(scripts)) copyFileSync(join(scripts, name), join(root, 'stand-ins', name))
  copyFileSync(statsd, join(root, 'stand-ins/statsd.ts'))
  mkdirSync(join(root, 'etc'))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n')
}

/** The product's image has node already. */
async function build(engine: Engine, tag: string, last: string): Promise<void> {
  const input = [
    'FROM lab/node:1 AS tools',
    `FROM ${productImage}`,
    'COPY --from=tools / /',
    'HEALTHCHECK NONE',
    'ENTRYPOINT []',
    last,
  ].join('\n')
  await engine.docker(['build', '--tag', tag, '-'], { input, env: { DOCKER_BUILDKIT: '0' } })
}
