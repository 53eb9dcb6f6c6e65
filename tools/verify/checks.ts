// What is checked, and Debian's packages that each needs. In each stage the long ones that wait come first, so that no
// long one is left over at the end.

import { enginePackages } from '../../test/lab/harness/engine.ts'
import { podmanPackages } from '../../test/lab/harness/podman.ts'
import { goPackages } from '../../test/prometheus/parts/go.ts'
import { currentPackages } from '../../test/prometheus/parts/setup.ts'
import { type Outcome, program, project } from './run.ts'

/**
 * When a check runs. `first`: beside nothing, one at a time. `background`: one at a time beside all that follows, with
 * the CPU that this leaves, for what computes and has no time limits. `lab`: after the first ones. `lanes`: after the
 * lab, some at a time, for what waits more than it computes.
 */
export type Stage = 'first' | 'background' | 'lab' | 'lanes'

export interface Check {
  readonly name: string
  readonly stage: Stage
  /** Installed ones. */
  readonly packages?: readonly string[]
  /** Ones of Debian's current release, which are fetched and not installed. */
  readonly fetched?: readonly string[]
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

/** A tenth of a core where others want it. */
const behind = (...args: string[]) => program('nice', '-n', '10', 'node', ...args)

export const checks: readonly Check[] = [
  { name: 'format-lint', stage: 'first', run: () => program('biome', 'check', '.') },
  { name: 'types', stage: 'first', run: () => program('npm', 'run', '--silent', 'types') },
  { name: 'dead-code', stage: 'first', run: () => program('knip') },
  { name: 'docs', stage: 'first', run: () => program('node', 'tools/docs.ts', '--check') },
  {
    name: 'unit',
    stage: 'first',
    packages: ['gcc', 'libc6-dev', 'openssh-client', 'openssl'],
    run: () => project('unit'),
  },
  { name: 'heavy', stage: 'first', run: () => project('heavy') },
  {
    name: 'simulation',
    stage: 'background',
    run: () => behind('tools/simulate.ts', '--scenarios', '2000', '--workers', '2'),
  },
  { name: 'fuzz', stage: 'background', run: () => behind('tools/fuzz.ts', '60') },
  {
    name: 'known-bugs',
    stage: 'background',
    run: () => behind('tools/simulate.ts', '--bugs', '--workers', '2'),
  },
  {
    name: 'lab',
    stage: 'lab',
    // its files run two at a time
    packages: [...docker, ...applications, ...prometheus, ...browser, ...commands],
    fetched: [...enginePackages, ...podmanPackages],
    run: () => project('lab', { env: { TEST_LANES: '2' } }),
  },
  {
    name: 'prometheus',
    stage: 'lanes',
    packages: [...prometheus, ...exporters, ...commands, ...repository],
    fetched: [...currentPackages, ...goPackages],
    run: () => project('prometheus'),
  },
  {
    name: 'lab-20.10',
    stage: 'lanes',
    packages: [...docker, ...applications, ...prometheus, ...browser, ...commands],
    run: (isFull) =>
      project('lab', { env: { LAB_ENGINE: 'installed' }, files: isFull ? [] : oldEngineFiles }),
  },
  {
    name: 'chaos',
    stage: 'lanes',
    packages: [...docker, ...applications],
    run: () => program('node', 'tools/chaos.ts', '--minutes', '2'),
  },
  { name: 'browser', stage: 'lanes', packages: browser, run: () => project('browser') },
]
