// Debian's exporters, alive, with what they export beside them: programs in Go, C and Python that know nothing of us.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Call, type Program, startProgram } from './process.ts'

export interface Exporter {
  readonly name: string
  /** Of its page. */
  readonly url: URL
  stop(): Promise<void>
}

export interface Exporters {
  readonly all: readonly Exporter[]
  stop(): Promise<void>
}

/** As Prometheus' own family is called. */
const listensAt =
  (...args: readonly string[]) =>
  (_: string, listen: string): Call => ({
    args: [`--web.listen-address=${listen}`, ...args],
    ready: '/metrics',
  })

export async function startExporters(): Promise<Exporters> {
  const programs: Program[] = []
  const stop = async () => {
    await Promise.all(programs.splice(0).map((program) => program.stop()))
  }
  async function start(command: string, prepare: Parameters<typeof startProgram>[1]): Promise<Program> {
    const program = await startProgram(command, prepare)
    programs.push(program)
    return program
  }

  async function startAll(): Promise<Exporter[]> {
    const [nginx, redis] = await Promise.all([start('nginx', nginxCall), start('redis-server', redisCall)])
    const [blackbox, pushgateway] = await Promise.all([
      start('prometheus-blackbox-exporter', blackboxCall),
      start('prometheus-pushgateway', listensAt()),
    ])
    await push(pushgateway)
    const others = {
      blackbox,
      pushgateway,
      haproxy: start('haproxy', haproxyCall),
      nginx: start('prometheus-nginx-exporter', listensAt(`--nginx.scrape-uri=${nginx.url}/status`)),
      node: start('prometheus-node-exporter', listensAt()),
      process: start('prometheus-process-exporter', listensAt('--procnames=nginx,redis-server')),
      // Debian's own: one that stands earlier in the PATH may lack the library
      python: start('/usr/bin/python3', pythonCall),
      redis: start(
        'prometheus-redis-exporter',
        listensAt(`--redis.addr=${redis.url.replace('http', 'redis')}`),
      ),
    }
    const probe = `/probe?${new URLSearchParams({ target: `${nginx.url}/status`, module: 'web' })}`
    const pages = Object.entries(others).map(async ([name, program]) =>
      pageOf(name, await program, '/metrics'),
    )
    return [...(await Promise.all(pages)), pageOf('probe', blackbox, probe)]
  }

  try {
    return { all: await startAll(), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function pageOf(name: string, { url, stop }: Program, path: string): Exporter {
  return { name, url: new URL(path, url), stop }
}

async function nginxCall(folder: string, listen: string): Promise<Call> {
  const file = join(folder, 'nginx.conf')
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${join(folder, what)};`,
  )
  await writeFile(
    file,
    `
daemon off; master_process off; pid ${join(folder, 'pid')};
events {}
http {
  access_log off; ${kept.join(' ')}
  server { listen ${listen}; location /status { stub_status; } }
}
`,
  )
  return { args: ['-c', file, '-p', folder, '-e', 'stderr'], ready: '/status' }
}

function redisCall(folder: string, listen: string): Call {
  const { hostname, port } = new URL(`http://${listen}`)
  return { args: ['--bind', hostname, '--port', port, '--dir', folder, '--save', ''], ready: 'port' }
}

async function blackboxCall(folder: string, listen: string): Promise<Call> {
  const file = join(folder, 'blackbox.yml')
  await writeFile(file, 'modules: { web: { prober: http, timeout: 5s } }\n')
  return listensAt(`--config.file=${file}`)(folder, listen)
}

/** It shows its metrics by itself. */
async function haproxyCall(folder: string, listen: string): Promise<Call> {
  const file = join(folder, 'haproxy.cfg')
  await writeFile(
    file,
    `
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend own
  bind ${listen}
  http-request use-service prometheus-exporter if { path /metrics }
`,
  )
  return { args: ['-db', '-f', file], ready: '/metrics' }
}

/** Answers in OpenMetrics to who takes it, with what only that has. */
async function pythonCall(folder: string, listen: string): Promise<Call> {
  const file = join(folder, 'app.py')
  const { hostname, port } = new URL(`http://${listen}`)
  await writeFile(
    file,
    `
import threading
from prometheus_client import Counter, Enum, Gauge, Histogram, Info, Summary, start_http_server
Counter('orders', 'What was\\nordered "so".', ['shop']).labels('a "b" \\\\ c\\nd').inc(3, {'trace_id': 'abc'})
Histogram('took_seconds', 'How long it took.', unit='seconds').observe(0.3, {'trace_id': 'def'})
Summary('size_bytes', 'How large it was.', unit='bytes').observe(12)
Gauge('share', '').set(float('nan'))
Info('build', 'Which it is.').info({'version': '1.2'})
Enum('state', 'How it is.', states=['up', 'down']).state('down')
start_http_server(${port}, '${hostname}')
threading.Event().wait()
`,
  )
  return { args: [file], ready: '/metrics' }
}

async function push({ url }: Program): Promise<void> {
  const body = '# TYPE backup_bytes gauge\nbackup_bytes{volume="a"} 12345\nbackup_bytes{volume="b"} 0.5\n'
  const { ok, status } = await fetch(`${url}/metrics/job/backup`, { method: 'PUT', body })
  if (!ok) throw new Error(`the push gateway answers ${status}`)
}
