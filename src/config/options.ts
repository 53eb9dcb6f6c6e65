// All that can be configured, in one table. docs/CONFIGURATION.md is made from it.

import { logLevels } from '../logging/log.ts'
import {
  bytes,
  dockerHost,
  duration,
  durationOrOff,
  file,
  flag,
  hostPort,
  labelName,
  oneOf,
  path,
  peers,
  port,
  ports,
  targets,
  text,
  whole,
  words,
} from './values.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

export interface Option<T> {
  readonly name: string
  /** As it would be set; `undefined`: unset. */
  readonly fallback: string | undefined
  readonly parse: (text: string) => T
  /** What it does, in one or two sentences: the reference. */
  readonly about: string
  /** Never shown in a log, an error or a page. */
  readonly secret?: true
}

/** Keeps in the type whether there is a fallback, and so always a value. */
const option = <T, F extends string | undefined>(row: Option<T> & { readonly fallback: F }) => row

/** All that can be configured, in the order of the reference. */
export const options = {
  scrapeIntervalMs: option({
    name: 'SCRAPE_INTERVAL',
    fallback: '10s',
    parse: duration(100, hourMs),
    about: 'How often each container is scraped. On-demand scrapes reset the timer.',
  }),
  scrapeTimeoutMs: option({
    name: 'SCRAPE_TIMEOUT',
    fallback: undefined,
    parse: duration(50, hourMs),
    about: 'How long one scrape may take. Default and maximum: `SCRAPE_INTERVAL`.',
  }),
  metricsPath: option({
    name: 'METRICS_PATH',
    fallback: '/metrics',
    parse: path,
    about: 'The path of the metrics on every container, unless a label sets another.',
  }),
  ports: option({
    name: 'PORTS',
    fallback: '',
    parse: ports,
    about: 'Further ports to scan, after 80, 8080 and 9100, in this order, separated by spaces or commas.',
  }),
  maxAgeMs: option({
    name: 'MAX_AGE',
    fallback: '100ms',
    parse: durationOrOff(0, dayMs),
    about:
      'A request for metrics older than this makes the agent of that node scrape now. `off`: always respond from the cache.',
  }),
  staleAfterMs: option({
    name: 'STALE_AFTER',
    fallback: undefined,
    parse: duration(100, dayMs),
    about:
      'How long cached metrics are served for a node that cannot be reached; then 502. Default: 3 times `SCRAPE_INTERVAL`.',
  }),
  forgetAfterMs: option({
    name: 'FORGET_AFTER',
    fallback: '5m',
    parse: duration(1000, dayMs),
    about: 'How long stopped containers, and those of a lost node, stay listed.',
  }),
  listenPort: option({
    name: 'LISTEN_PORT',
    fallback: '2137',
    parse: port,
    about: 'The one port that Prometheus needs to reach, on IPv4 and IPv6.',
  }),
  sshPort: option({
    name: 'SSH_PORT',
    fallback: '2140',
    parse: port,
    about: 'The port on which agents connect to each other over SSH. Do not publish this port.',
  }),
  sshpass: option({
    name: 'SSHPASS',
    fallback: undefined,
    parse: text,
    secret: true,
    about:
      'The secret that all agents of a cluster share, of at least 8 characters; 16 or more are recommended. Required in Swarm.',
  }),
  sshpassFile: option({
    name: 'SSHPASS_FILE',
    fallback: undefined,
    parse: file,
    // a value that isn't a path may be the secret itself
    secret: true,
    about: 'A file with the secret, such as a Docker secret. Safer than `SSHPASS`.',
  }),
  sshpassPrevious: option({
    name: 'SSHPASS_PREVIOUS',
    fallback: undefined,
    parse: text,
    secret: true,
    about: 'A further secret that is accepted while the secret is being changed.',
  }),
  sshpassPreviousFile: option({
    name: 'SSHPASS_PREVIOUS_FILE',
    fallback: undefined,
    parse: file,
    // a value that isn't a path may be the secret itself
    secret: true,
    about: 'A file with that further secret.',
  }),
  peers: option({
    name: 'PEERS',
    fallback: '',
    parse: peers,
    about: 'Other agents as `host:port` (their `SSH_PORT`), where Swarm’s DNS does not list them.',
  }),
  dockerHost: option({
    name: 'DOCKER_HOST',
    fallback: undefined,
    parse: dockerHost,
    about:
      'The address of the Docker API: `unix:///path` or `tcp://host:port`. Default: `unix:///var/run/docker.sock`, unless only `TARGETS` is set.',
  }),
  targets: option({
    name: 'TARGETS',
    fallback: '',
    parse: targets,
    about:
      'Fixed targets as `name=url`, for use without Docker or beside it. A user and password in the URL, percent-encoded, are sent as basic authentication and never shown.',
  }),
  nodeName: option({
    name: 'NODE_NAME',
    fallback: undefined,
    parse: text,
    about: 'The name of this node where neither Swarm nor Docker gives one. Default: the hostname.',
  }),
  cluster: option({
    name: 'CLUSTER',
    fallback: undefined,
    parse: text,
    about:
      'The name of this cluster: the label `cluster` of each target. Default: the Swarm’s id, else the hostname.',
  }),
  advertise: option({
    name: 'ADVERTISE',
    fallback: undefined,
    parse: hostPort,
    about:
      'The `host:port` under which Prometheus reaches this agent or, better, all agents. Default: the node’s address and `LISTEN_PORT`.',
  }),
  replicaLabel: option({
    name: 'REPLICA_LABEL',
    fallback: 'slot',
    parse: labelName,
    about: 'The label that distinguishes the replicas of a service in its metrics.',
  }),
  sdLabels: option({
    name: 'SD_LABELS',
    fallback: '',
    parse: words,
    about: 'Further container and service labels that may leave the node; a final `*` matches any ending.',
  }),
  verifyTls: option({
    name: 'VERIFY_TLS',
    fallback: 'false',
    parse: flag,
    about: 'Whether the certificates of containers that serve HTTPS are verified.',
  }),
  maxBodyBytes: option({
    name: 'MAX_BODY',
    fallback: '16MiB',
    parse: bytes,
    about: 'The largest response that is accepted from a container, uncompressed.',
  }),
  maxSeries: option({
    name: 'MAX_SERIES',
    fallback: '500000',
    parse: whole(1, 100_000_000),
    about: 'The largest number of series that is accepted from one container.',
  }),
  maxLineBytes: option({
    name: 'MAX_LINE',
    fallback: '1MiB',
    parse: bytes,
    about: 'The longest line that is accepted: a series with all of its labels, or a help text.',
  }),
  webConfigFile: option({
    name: 'WEB_CONFIG_FILE',
    fallback: undefined,
    parse: file,
    about: 'TLS, users and limits for the web port, in the format of Prometheus’ exporter-toolkit.',
  }),
  logLevel: option({
    name: 'LOG_LEVEL',
    fallback: 'info',
    parse: oneOf(logLevels),
    about: 'One of `debug`, `info`, `warn`, `error`, `silent`.',
  }),
} satisfies Record<string, Option<unknown>>
