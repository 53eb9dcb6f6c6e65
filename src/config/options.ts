// The one table of all that can be configured. It also makes docs/CONFIGURATION.md.

import { logLevels } from '../logging/log.ts'
import {
  bytes,
  dockerHost,
  file,
  flag,
  hostPort,
  labelName,
  maxAgeMs,
  oneOf,
  path,
  peers,
  port,
  ports,
  seconds,
  targets,
  text,
  whole,
  words,
} from './values.ts'

export interface Option<T> {
  readonly name: string
  /** The value as one would write it; `undefined`: unset. */
  readonly fallback: string | undefined
  readonly parse: (text: string) => T
  /** For the reference: what it does, in one or two sentences. */
  readonly about: string
  /** Never shown in a log, an error or a page. */
  readonly secret?: true
}

/** Keeps in the type whether an option has a fallback, and so always a value. */
const option = <T, F extends string | undefined>(row: Option<T> & { readonly fallback: F }) => row

/** All that can be configured, in the order of the reference. */
export const options = {
  scrapeIntervalMs: option({
    name: 'SCRAPE_INTERVAL',
    fallback: '10',
    parse: seconds(0.1, 3600),
    about: 'Seconds between two scrapes of one container. A scrape that somebody asked for counts as one.',
  }),
  scrapeTimeoutMs: option({
    name: 'SCRAPE_TIMEOUT',
    fallback: undefined,
    parse: seconds(0.05, 3600),
    about: 'Seconds that one scrape may take. Default and maximum: `SCRAPE_INTERVAL`.',
  }),
  metricsPath: option({
    name: 'METRICS_PATH',
    fallback: '/metrics',
    parse: path,
    about: 'The path at which containers show their metrics, where no label says otherwise.',
  }),
  ports: option({
    name: 'PORTS',
    fallback: '',
    parse: ports,
    about: 'Further ports to scan, after 80, 8080 and 9100, in this order. Separated by spaces or commas.',
  }),
  maxAgeMs: option({
    name: 'MAX_AGE',
    fallback: '0.1',
    parse: maxAgeMs,
    about:
      'Seconds. A request for metrics older than this makes the agent of that node scrape now. `off`: always answer from the cache.',
  }),
  staleAfterMs: option({
    name: 'STALE_AFTER',
    fallback: undefined,
    parse: seconds(0.1, 86_400),
    about:
      'Seconds that cached metrics may stand in for a node that cannot be asked; then 502. Default: 3 times `SCRAPE_INTERVAL`.',
  }),
  forgetAfterMs: option({
    name: 'FORGET_AFTER',
    fallback: '300',
    parse: seconds(1, 86_400),
    about: 'Seconds after which a lost node’s containers, and stopped ones, are forgotten.',
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
    about: 'The port on which agents talk with each other over SSH. Not to be published.',
  }),
  sshpass: option({
    name: 'SSHPASS',
    fallback: undefined,
    parse: text,
    secret: true,
    about:
      'The secret that all agents of a cluster share: at least 8 characters, better 16 and more. Required in Swarm.',
  }),
  sshpassFile: option({
    name: 'SSHPASS_FILE',
    fallback: undefined,
    parse: file,
    // what is no path may be the secret itself
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
    // what is no path may be the secret itself
    secret: true,
    about: 'The same from a file.',
  }),
  peers: option({
    name: 'PEERS',
    fallback: '',
    parse: peers,
    about: 'Other agents as `host:port` (their `SSH_PORT`), where Swarm’s DNS cannot tell them.',
  }),
  dockerHost: option({
    name: 'DOCKER_HOST',
    fallback: undefined,
    parse: dockerHost,
    about:
      'Where the Docker API is: `unix:///path` or `tcp://host:port`. Default: `unix:///var/run/docker.sock`, unless only `TARGETS` is set.',
  }),
  targets: option({
    name: 'TARGETS',
    fallback: '',
    parse: targets,
    about:
      'Fixed targets as `name=url`, for use without Docker or beside it. A user and password in the URL, percent-encoded, are sent as basic authentication and shown nowhere.',
  }),
  nodeName: option({
    name: 'NODE_NAME',
    fallback: undefined,
    parse: text,
    about: 'What this node is called where neither Swarm nor Docker says it. Default: the hostname.',
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
    about: 'The label that tells the replicas of a service apart on its page.',
  }),
  sdLabels: option({
    name: 'SD_LABELS',
    fallback: '',
    parse: words,
    about:
      'Further container and service labels that may leave the node, with `*` as the last character for a prefix.',
  }),
  verifyTls: option({
    name: 'VERIFY_TLS',
    fallback: 'false',
    parse: flag,
    about: 'Whether the certificates of containers that speak HTTPS are verified.',
  }),
  maxBodyBytes: option({
    name: 'MAX_BODY',
    fallback: '16MiB',
    parse: bytes,
    about: 'The largest page that is read from a container, unpacked.',
  }),
  maxSeries: option({
    name: 'MAX_SERIES',
    fallback: '500000',
    parse: whole(1, 100_000_000),
    about: 'The most series that are taken from one container.',
  }),
  maxLineBytes: option({
    name: 'MAX_LINE',
    fallback: '1MiB',
    parse: bytes,
    about: 'The longest line of a page that is taken: a series with all of its labels, or a help text.',
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
