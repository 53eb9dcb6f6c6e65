// Asks every path at every node in every way, and compares each response with what the containers themselves say.

import { type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import {
  differences,
  type PageContent,
  parsePage,
  parseProtobuf,
  union,
  withLabel,
} from '../../helpers/oracle.ts'
import type { Node } from '../harness/node.ts'
import { askDirectly, type Container } from './direct.ts'

const text = 'text/plain;version=0.0.4'
const prometheus =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
const protobuf =
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6'

export const accepts = {
  none: '',
  text,
  'Prometheus’ own': prometheus,
  'protobuf first': `${protobuf},${prometheus}`,
}
export const encodings = ['', 'gzip', 'gzip;q=0']

/** One path at one node, and the containers whose metrics it is to show. */
export interface Question {
  readonly node: Node
  readonly path: string
  readonly containers: readonly Container[]
  /** A container’s own metrics as they are, or replicas side by side. */
  readonly shows: 'container' | 'replicas'
}

export interface Compared {
  readonly responses: number
  readonly series: number
}

/** A value may change while it is compared, to and fro on a busy machine; what differs each time is wrong. */
const maxRounds = 20

/** Rejects with what differs each time that it is compared. */
export async function compareAll(questions: readonly Question[], accept: string): Promise<Compared> {
  const sum = { responses: 0, series: 0 }
  let open: readonly Query[] = questions.flatMap((question) =>
    encodings.map((encoding) => ({ question, encoding })),
  )
  // containers get requests for the formats that were answered so far, which the first round learns
  const formats = new Set<string>()
  // a client that names no format may get any
  const chosen = accept === '' ? new Map<Container, string>() : await formatsChosen(questions, accept)
  for (let round = 0; round <= maxRounds && open.length > 0; round += 1) {
    const results = await compareOnce(open, accept, formats, chosen)
    for (const { response } of results) formats.add(response.format)
    const wrong = results.filter(({ differences }) => differences === undefined || differences.size > 0)
    if (round === maxRounds && wrong.length > 0) throw new Error(describe(wrong, results.length))
    for (const { response } of results.filter((one) => !wrong.includes(one))) {
      sum.responses += 1
      sum.series += contentOf(response.format, response.body).series.size
    }
    open = wrong.map(({ query, differences }) => ({
      ...query,
      ...(differences && { suspects: differences }),
    }))
  }
  return sum
}

interface Query {
  readonly question: Question
  readonly encoding: string
  /** What has differed each time so far; absent before it was compared. */
  readonly suspects?: Differences
}

type Differences = ReadonlyMap<string, string>

interface Result {
  readonly query: Query
  readonly response: Response
  /** Undefined: the containers got no request for this format yet. */
  readonly differences: Differences | undefined
}

async function compareOnce(
  all: readonly Query[],
  accept: string,
  formats: ReadonlySet<string>,
  chosen: ReadonlyMap<Container, string>,
): Promise<readonly Result[]> {
  const containers = [...new Set(all.flatMap(({ question }) => question.containers))]
  const before = await askAll(containers, formats)
  const responses = await Promise.all(all.map((query) => ask(query, accept)))
  const after = await askAll(containers, formats)
  return all.map((query, at) => {
    const response = responses[at]!
    const found = differencesOf(query, response, before, after, chosen)
    const differences =
      found && query.suspects ? new Map([...found].filter(([key]) => query.suspects!.has(key))) : found
    return { query, response, differences }
  })
}

/** The format in which a container itself answers this client. */
async function formatsChosen(
  questions: readonly Question[],
  accept: string,
): Promise<ReadonlyMap<Container, string>> {
  const containers = [...new Set(questions.flatMap((question) => question.containers))]
  const chosen = await Promise.all(
    containers.map(async (one) => [one, (await askDirectly(one, accept)).type] as const),
  )
  return new Map(
    chosen.flatMap(([one, type]) => (type === undefined ? [] : [[one, formatOf(type)] as const])),
  )
}

function differencesOf(
  { question, encoding }: Query,
  response: Response,
  before: Said,
  after: Said,
  chosen: ReadonlyMap<Container, string>,
): Differences | undefined {
  const { status, format, encoded, body } = response
  if (status !== 200) return new Map([['status', `${status} ${body.toString('utf8', 0, 200)}`]])
  if (encoded && encoding !== 'gzip') return new Map([['encoding', 'unasked']])
  const wanted = question.shows === 'container' ? chosen.get(question.containers[0]!) : undefined
  if (wanted !== undefined && format !== wanted) return new Map([['format', `instead of ${wanted}`]])
  const [earlier, later] = [before.get(format), after.get(format)]
  return earlier && later && check(question, contentOf(format, body), earlier, later)
}

/** The first of each path. */
function describe(wrong: readonly Result[], all: number): string {
  const paths = new Map(wrong.map((one) => [one.query.question.path, one]).reverse() as [string, Result][])
  const lines = [...paths.values()].map(({ query: { question, encoding }, response, differences }) => {
    const where = `${question.path} at ${question.node.name}, encoding "${encoding}", ${response.format}`
    const first = [...(differences ?? [])].slice(0, 5).map(([key, how]) => `  ${key}: ${how}`)
    return [`${where}: ${differences?.size ?? 'no'} differences`, ...first].join('\n')
  })
  return `${wrong.length} of ${all} responses differ\n${lines.join('\n')}`
}

const protobufMedia = 'application/vnd.google.protobuf'

const contentOf = (format: string, body: Buffer): PageContent =>
  format === protobufMedia ? parseProtobuf(body) : parsePage(body.toString())

function formatOf(type: string | undefined): string {
  const [, media, version] = /^([\w/.-]+)(?:.*?version=([\d.]+))?/.exec(type ?? '') ?? []
  return version === undefined ? `${media}` : `${media};version=${version}`
}

/** By format, what each container says. */
type Said = ReadonlyMap<string, Says>
type Says = (container: Container) => PageContent

async function askAll(containers: readonly Container[], formats: ReadonlySet<string>): Promise<Said> {
  const said = new Map<string, Says>()
  for (const format of formats) {
    const accept = format === protobufMedia ? protobuf : format
    const answers = await Promise.all(
      containers.map(async (one) => {
        const { type, body } = await askDirectly(one, accept)
        return [one, contentOf(formatOf(type), body)] as const
      }),
    )
    const pages = new Map(answers)
    said.set(format, (container) => pages.get(container)!)
  }
  return said
}

function check({ containers, shows }: Question, page: PageContent, before: Says, after: Says): Differences {
  if (shows === 'container') return differences(page, before(containers[0]!), after(containers[0]!))
  const { own, replicas } = withoutReplicaUp(page)
  const together = (says: Says) => union(containers.map((one) => withLabel(says(one), 'slot', one.slot!)))
  const up = new Map(containers.map(({ slot }) => [`app_metrics_proxy_replica_up{slot="${slot}"}`, '1']))
  const wrongUp = [...up].filter(([key, value]) => own.get(key) !== value)
  if (own.size !== up.size)
    wrongUp.push(['app_metrics_proxy_replica_up', `${own.size} instead of ${up.size}`])
  return new Map([...wrongUp, ...differences(replicas, together(before), together(after))])
}

/** What the agent itself says of the replicas, and the rest. */
function withoutReplicaUp(page: PageContent) {
  const isOwn = (name: string) => name.startsWith('app_metrics_proxy_replica_up')
  return {
    own: new Map([...page.series].filter(([key]) => isOwn(key))),
    replicas: {
      families: new Map([...page.families].filter(([name]) => !isOwn(name))),
      series: new Map([...page.series].filter(([key]) => !isOwn(key))),
    },
  }
}

interface Response {
  readonly status: number
  /** The media type and its version, as an Accept header names them. */
  readonly format: string
  readonly encoded: boolean
  readonly body: Buffer
}

/** With these headers and no others of an HTTP client’s own. */
async function ask({ question, encoding }: Query, accept: string): Promise<Response> {
  const headers = { ...(accept && { accept }), ...(encoding && { 'accept-encoding': encoding }) }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(question.node.url(question.path), { headers }, resolve).on('error', reject).end()
  })
  const bytes = await buffer(response)
  const encoded = response.headers['content-encoding'] === 'gzip'
  const body = encoded ? gunzipSync(bytes) : bytes
  return { status: response.statusCode!, format: formatOf(response.headers['content-type']), encoded, body }
}
