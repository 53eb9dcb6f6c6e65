// All that can be configured, in one table. docs/CONFIGURATION.md is made from it.

import { logLevels } from '../logging/log.ts'
import {
  boolean,
  bytes,
  dockerHost,
  duration,
  durationOrOff,
  file,
  hostPort,
  integer,
  labelName,
  list,
  oneOf,
  path,
  peers,
  port,
  ports,
  string,
  targets,
} from './values.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

export interface Option<T> {
  readonly name: string
  /** As it would be set. Absent: unset. */
  readonly default?: string
  /** A value that someone might set: the reference. */
  readonly example: string
  readonly parse: (text: string) => T
  /** What it does, in one or two sentences: the reference. */
  readonly description: string
  /** Never shown in a log, an error or a page. */
  readonly secret?: true
}

/** All that can be configured, in the order of the reference. */
export const options = {
  scrapeIntervalMs: {
    name: 'SCRAPE_INTERVAL',
    default: '10s',
    example: '30s',
    parse: duration(100, hourMs),
    description: 'How often each container is scraped. On-demand scrapes reset the timer.',
  },
  scrapeTimeoutMs: {
    name: 'SCRAPE_TIMEOUT',
    example: '5s',
    parse: duration(50, hourMs),
    description: 'How long one scrape may take. Default and maximum: `SCRAPE_INTERVAL`.',
  },
  metricsPath: {
    name: 'METRICS_PATH',
    default: '/metrics',
    example: '/actuator/prometheus',
    parse: path,
    description: 'The path of the metrics on every container, unless a label sets another.',
  },
  ports: {
    name: 'PORTS',
    default: '',
    example: '443 9187',
    parse: ports,
    description:
      'Further ports to scan, after 80, 8080 and 9100, in this order, separated by spaces or commas.',
  },
  maxAgeMs: {
    name: 'MAX_AGE',
    default: '100ms',
    example: 'off',
    parse: durationOrOff(0, dayMs),
    description:
      'A request for metrics older than this makes the agent of that node scrape now. `off`: always respond from the cache.',
  },
  staleAfterMs: {
    name: 'STALE_AFTER',
    example: '1m',
    parse: duration(100, dayMs),
    description:
      'How long cached metrics are served for a node that cannot be reached; then 502. Default: 3 times `SCRAPE_INTERVAL`.',
  },
  forgetAfterMs: {
    name: 'FORGET_AFTER',
    default: '5m',
    example: '1h',
    parse: duration(1000, dayMs),
    description: 'How long stopped containers, and those of a lost node, stay listed.',
  },
  listenPort: {
    name: 'LISTEN_PORT',
    default: '2137',
    example: '9300',
    parse: port,
    description: 'The one port that Prometheus needs to reach, on IPv4 and IPv6.',
  },
  sshPort: {
    name: 'SSH_PORT',
    default: '2140',
    example: '2222',
    parse: port,
    description: 'The port on which agents connect to each other over SSH. Do not publish this port.',
  },
  sshpass: {
    name: 'SSHPASS',
    example: '$(openssl rand -base64 24)',
    parse: string,
    secret: true,
    description:
      'The secret that all agents of a cluster share, of at least 8 characters; 16 or more are recommended. Required in Swarm.',
  },
  sshpassFile: {
    name: 'SSHPASS_FILE',
    example: '/run/secrets/app-metrics-proxy',
    parse: file,
    // a value that isn't a path may be the secret itself
    secret: true,
    description: 'A file with the secret, such as a Docker secret. Safer than `SSHPASS`.',
  },
  sshpassPrevious: {
    name: 'SSHPASS_PREVIOUS',
    example: 'the secret until now',
    parse: string,
    secret: true,
    description: 'A further secret that is accepted while the secret is being changed.',
  },
  sshpassPreviousFile: {
    name: 'SSHPASS_PREVIOUS_FILE',
    example: '/run/secrets/app-metrics-proxy-previous',
    parse: file,
    // a value that isn't a path may be the secret itself
    secret: true,
    description: 'A file with that further secret.',
  },
  peers: {
    name: 'PEERS',
    default: '',
    example: '10.0.0.2:2140 10.0.0.3:2140',
    parse: peers,
    description: 'Other agents as `host:port` (their `SSH_PORT`), where Swarm’s DNS does not list them.',
  },
  dockerHost: {
    name: 'DOCKER_HOST',
    example: 'tcp://socket-proxy:2375',
    parse: dockerHost,
    description:
      'The address of the Docker API: `unix:///path` or `tcp://host:port`. Default: `unix:///var/run/docker.sock`, unless only `TARGETS` is set.',
  },
  targets: {
    name: 'TARGETS',
    default: '',
    example: 'web=http://127.0.0.1:8080/metrics',
    parse: targets,
    description:
      'Fixed targets as `name=url`, for use without Docker or beside it. A user and password in the URL, percent-encoded, are sent as basic authentication and never shown.',
  },
  nodeName: {
    name: 'NODE_NAME',
    example: 'node1',
    parse: string,
    description:
      'The name of this node where neither Swarm nor Docker gives one; with Podman, its identity. Default: the hostname.',
  },
  cluster: {
    name: 'CLUSTER',
    example: 'prod',
    parse: string,
    description:
      'The name of this cluster: the label `cluster` of each target. Default: the Swarm’s id, else the hostname.',
  },
  advertise: {
    name: 'ADVERTISE',
    example: 'prod.example.org:2137',
    parse: hostPort,
    description:
      'The `host:port` under which Prometheus reaches this agent or, better, all agents. Default: the node’s address and `LISTEN_PORT`.',
  },
  replicaLabel: {
    name: 'REPLICA_LABEL',
    default: 'slot',
    example: 'replica',
    parse: labelName,
    description: 'The label that distinguishes the replicas of a service in its metrics.',
  },
  sdLabels: {
    name: 'SD_LABELS',
    default: '',
    example: 'team com.example.*',
    parse: list,
    description:
      'Further labels of containers, services and Swarm nodes that may leave the node; a final `*` matches any ending.',
  },
  replicasFrom: {
    name: 'REPLICAS_FROM',
    default: 'swarm',
    example: 'cadvisor',
    parse: oneOf(['swarm', 'cadvisor'] as const),
    description:
      'Where the alert shortcuts `@replicas_…` find how many replicas run: in the metrics of the Swarm (`swarm`), or of `cadvisor`.',
  },
  verifyTls: {
    name: 'VERIFY_TLS',
    default: 'false',
    example: 'true',
    parse: boolean,
    description: 'Whether the certificates of containers that serve HTTPS are verified.',
  },
  maxBodyBytes: {
    name: 'MAX_BODY',
    default: '16MiB',
    example: '64MiB',
    parse: bytes,
    description: 'The largest response that is accepted from a container, uncompressed.',
  },
  maxSeries: {
    name: 'MAX_SERIES',
    default: '500000',
    example: '1000000',
    parse: integer(1, 100_000_000),
    description: 'The largest number of series that is accepted from one container.',
  },
  maxLineBytes: {
    name: 'MAX_LINE',
    default: '1MiB',
    example: '4MiB',
    parse: bytes,
    description: 'The longest line that is accepted: a series with all of its labels, or a help text.',
  },
  webConfigFile: {
    name: 'WEB_CONFIG_FILE',
    example: '/etc/app-metrics-proxy/web.yml',
    parse: file,
    description: 'TLS, users and limits for the web port, in the format of Prometheus’ exporter-toolkit.',
  },
  logLevel: {
    name: 'LOG_LEVEL',
    default: 'info',
    example: 'debug',
    parse: oneOf(logLevels),
    description: 'One of `debug`, `info`, `warn`, `error`, `silent`.',
  },
} satisfies Record<string, Option<unknown>>

export const allOptions: readonly Option<unknown>[] = Object.values(options)
