// What the agent is compared with: today's vmagent, Prometheus and exporter_exporter, as Debian packages them,
// unpacked into a cache folder; nginx as it is installed, if it is.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fetchPackages, unpackedAt } from '../../test/helpers/debian.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { type Running, start, temporaryFolder } from './processes.ts'

const prometheus = join(unpackedAt('prometheus'), 'usr/bin/prometheus')
const vmagent = join(unpackedAt('victoria-metrics'), 'usr/bin/vmagent')
const exporterExporter = join(
  unpackedAt('prometheus-exporter-exporter'),
  'usr/bin/prometheus-exporter-exporter',
)

export function fetchPeers(): Promise<void> {
  fetched ??= fetchPackages(['prometheus', 'victoria-metrics', 'prometheus-exporter-exporter'])
  return fetched
}

/** Once, though several measurements begin at the same time. */
let fetched: Promise<void> | undefined

/** What to scrape, and where to send it: the agent sends what it scraped to a peer. */
export interface Scraping {
  /** `host:port` of each. */
  readonly addresses: readonly string[]
  /** Seconds. */
  readonly interval: number
  readonly remoteWrite: string
}

/** Scrapes and sends. */
export async function startVmagent(scraping: Scraping): Promise<Running> {
  const folder = temporaryFolder()
  return start(vmagent, [
    `-promscrape.config=${configFile(folder, scraping, {})}`,
    `-remoteWrite.url=${scraping.remoteWrite}`,
    `-remoteWrite.tmpDataPath=${join(folder, 'queue')}`,
    `-httpListenAddr=127.0.0.1:${await freePort()}`,
    '-loggerLevel=ERROR',
  ])
}

/** Scrapes and stores. */
export async function startPrometheus(scraping: Scraping): Promise<Running> {
  const folder = temporaryFolder()
  return start(prometheus, [
    `--config.file=${configFile(folder, scraping, {})}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    ...(await commonFlags()),
  ])
}

/** Scrapes, writes a log, and sends. */
export async function startPrometheusAgent(scraping: Scraping): Promise<Running> {
  const folder = temporaryFolder()
  return start(prometheus, [
    '--agent',
    `--config.file=${configFile(folder, scraping, { remote_write: [{ url: scraping.remoteWrite }] })}`,
    `--storage.agent.path=${join(folder, 'data')}`,
    ...(await commonFlags()),
  ])
}

const commonFlags = async () => [`--web.listen-address=127.0.0.1:${await freePort()}`, '--log.level=error']

function configFile(folder: string, { addresses, interval }: Scraping, more: object): string {
  const file = join(folder, 'config.yml')
  const global = { scrape_interval: `${interval}s`, scrape_timeout: `${interval}s` }
  const job = { job_name: 'bench', static_configs: [{ targets: addresses }] }
  // YAML is a superset of JSON
  writeFileSync(file, JSON.stringify({ global, scrape_configs: [job], ...more }))
  return file
}

/** Passes on what it fetches at each request. */
export async function startExporterExporter(target: string): Promise<{ url: string; process: Running }> {
  const port = await freePort()
  const file = join(temporaryFolder(), 'config.yml')
  const http = { port: Number(new URL(target).port) }
  writeFileSync(file, JSON.stringify({ modules: { page: { method: 'http', http } } }))
  const flags = [`-config.file=${file}`, `-web.listen-address=127.0.0.1:${port}`]
  return { url: `http://127.0.0.1:${port}/proxy?module=page`, process: start(exporterExporter, flags) }
}

export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v']).status === 0
}

/** Serves one file, plain and ready compressed. */
export async function startNginx(
  page: Uint8Array,
  gzipped: Uint8Array,
): Promise<{ url: string; process: Running }> {
  const [folder, port] = [temporaryFolder(), await freePort()]
  writeFileSync(join(folder, 'metrics'), page)
  writeFileSync(join(folder, 'metrics.gz'), gzipped)
  writeFileSync(join(folder, 'nginx.conf'), nginxConfig(folder, port))
  const process = start('nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'])
  return { url: `http://127.0.0.1:${port}/metrics`, process }
}

const nginxConfig = (folder: string, port: number) => `
daemon off; master_process off; user root; pid ${folder}/pid; error_log stderr crit;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type text/plain;
  open_file_cache max=100;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  server { listen 127.0.0.1:${port}; root ${folder}; gzip_static on; }
}`
