// What is checked, and Debian's packages that each needs. First what computes, the quick ones first; then what waits,
// the long ones first, so that no long one is left over at the end.

import { enginePackages } from '../../test/lab/harness/engine.ts'
import { podmanPackages } from '../../test/lab/harness/podman.ts'
import { goPackages } from '../../test/prometheus/parts/go.ts'
import { currentPackages } from '../../test/prometheus/parts/setup.ts'
import { type Outcome, program, project } from './run.ts'

export interface Check {
  readonly name: string
  /** Installed ones. */
  readonly packages?: readonly string[]
  /** Ones of Debian's current release, which are fetched and not installed. */
  readonly fetched?: readonly string[]
  /** It waits more than it computes, so that another one can run at the same time. */
  readonly waits?: true
  /** `isFull`: with `--all`. */
  run(isFull: boolean): Promise<Outcome>
}

const prometheus = ['prometheus', 'prometheus-alertmanager', 'prometheus-node-exporter', 'nats-server']
/** Small ones, with what they export, for tests that ask them live. */
const exporters = [
  ...['prometheus-blackbox-exporter', 'prometheus-nginx-exporter', 'prometheus-process-exporter'],
  ...['prometheus-pushgateway', 'prometheus-redis-exporter', 'python3-prometheus-client'],
  ...['caddy', 'haproxy', 'nginx-light', 'redis-server'],
]
/** What the commands of the documentation need, which tests run. */
const commands = ['curl', 'iproute2', 'jq', 'openssl']
/** With which tests make a repository of packages. */
const repository = ['gnupg']
const docker = ['docker.io', 'docker-compose', 'iproute2', 'iptables', 'debootstrap', 'util-linux']
const browser = ['chromium-headless-shell']
const applications = ['busybox-static', 'prometheus-node-exporter', 'nginx-light']

/** What Docker 20.10 could do in another way than today's: one host, a Swarm, updates. */
const oldEngineFiles = ['standalone', 'stack'].map((name) => `test/lab/${name}.test.ts`)

export const checks: readonly Check[] = [
  { name: 'format-lint', run: () => program('biome', 'check', '.') },
  { name: 'types', run: () => program('npm', 'run', '--silent', 'types') },
  { name: 'dead-code', run: () => program('knip') },
  { name: 'docs', run: () => program('node', 'tools/docs.ts', '--check') },
  { name: 'unit', packages: ['gcc', 'libc6-dev', 'openssh-client', 'openssl'], run: () => project('unit') },
  { name: 'heavy', run: () => project('heavy') },
  {
    name: 'simulation',
    run: () => program('node', 'tools/simulate.ts', '--scenarios', '2000', '--workers', '2'),
  },
  { name: 'fuzz', run: () => program('node', 'tools/fuzz.ts', '60') },
  { name: 'known-bugs', run: () => program('node', 'tools/simulate.ts', '--bugs', '--workers', '2') },
  {
    name: 'lab',
    // its files run two at a time, which keeps two cores busy
    packages: [...docker, ...applications, ...prometheus, ...browser, ...commands],
    fetched: [...enginePackages, ...podmanPackages],
    run: () => project('lab', { env: { TEST_LANES: '2' } }),
  },
  {
    name: 'prometheus',
    waits: true,
    packages: [...prometheus, ...exporters, ...commands, ...repository],
    fetched: [...currentPackages, ...goPackages],
    run: () => project('prometheus'),
  },
  {
    name: 'lab-20.10',
    waits: true,
    packages: [...docker, ...applications, ...prometheus, ...browser, ...commands],
    run: (isFull) =>
      project('lab', { env: { LAB_ENGINE: 'installed' }, files: isFull ? [] : oldEngineFiles }),
  },
  {
    name: 'chaos',
    waits: true,
    packages: [...docker, ...applications],
    run: () => program('node', 'tools/chaos.ts', '--minutes', '2'),
  },
  { name: 'browser', waits: true, packages: browser, run: () => project('browser') },
]
