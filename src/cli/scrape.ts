// `app-metrics-proxy scrape`: scrapes a URL or a target, and prints whether Prometheus would accept its metrics.

import { systemClock } from '../clock.ts'
import { readConfig } from '../config/config.ts'
import { ProxyError } from '../errors.ts'
import { conflictsIn, countNativeHistograms } from '../exposition/families.ts'
import { inspect } from '../exposition/inspect.ts'
import { redact, splitCredentials } from '../http/credentials.ts'
import { createPaint, visible, visibleLines } from '../logging/terminal.ts'
import { type FormatKind, plainPage } from '../model.ts'
import { createByteBudget } from '../runtime/byte-budget.ts'
import { createFetcher } from '../scrape/fetch.ts'
import { createRead, type ScrapeResult } from '../scrape/read.ts'
import { bodyOf } from '../sync/codec.ts'
import { agentUrl, requestAgent } from './agent-client.ts'
import { type Io, refuseMore, UsageError, withArguments } from './command.ts'

const usage = `Usage: app-metrics-proxy scrape [options] URL
       app-metrics-proxy scrape [options] NAME [AGENT]

Scrapes metrics as the agent does, and prints whether Prometheus would accept them, and if not, why. A URL is scraped
from here. A NAME is requested from the agent on this machine, or from AGENT, which is host:port or a URL.

  --endpoint N  Of a container with several endpoints, the one with this number.
  --print       Print only the metrics.
  --help        Print this text.

Examples:
  app-metrics-proxy scrape http://10.0.1.7:8080/metrics
  app-metrics-proxy scrape stack_web/2 node3:2137
  app-metrics-proxy scrape --endpoint 2 stack_web/2

Exit code: 0 valid metrics, 1 invalid metrics or no response, 2 wrong usage or configuration.
`

export function scrape(args: readonly string[], io: Io): Promise<number> {
  const options = { print: { type: 'boolean' }, endpoint: { type: 'string' } } as const
  return withArguments(args, io, { usage, options, maxPositionals: 2 }, async (values, positionals) => {
    const { print, endpoint } = values
    const [source, agent] = positionals
    if (source === undefined) throw new UsageError('URL or NAME is missing')
    if (isUrl(source)) refuseMore(positionals.slice(1))
    if (isUrl(source) && endpoint !== undefined) throw new UsageError('--endpoint is for a NAME')
    const path = pathOf(source, endpoint)
    const read = isUrl(source) ? urlReader(source, io) : nameReader(path, agentUrl(agent, io), io)
    const readProtobuf = isUrl(source) && !print ? urlReader(source, io, 'protobuf') : undefined
    const paint = createPaint(io)
    try {
      const before = performance.now()
      const reading = await read()
      const durationMs = performance.now() - before
      if (print) io.stdout(metricsText(reading, io))
      else io.stdout(`${paint('green', 'valid')}: ${describe(reading, durationMs)}`)
      if (readProtobuf) io.stdout(await describeProtobuf(readProtobuf))
      return 0
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const hint =
        error instanceof ProxyError && error.hint !== undefined ? `To fix it: ${visible(error.hint)}\n` : ''
      io.stderr(`${paint('red', 'failed')}: ${visible(error.message)}\n${hint}`)
      return 1
    }
  })
}

/** Unchanged; escaped for a terminal, which would interpret control characters. */
function metricsText({ page }: ScrapeResult, { isTerminal }: Io): string {
  const text = Buffer.from(bodyOf(page)).toString()
  return isTerminal ? visibleLines(text) : text
}

const isUrl = (text: string) => /^https?:\/\//.test(text)

/** Errors of usage and configuration are thrown here, not by the returned function. */
function urlReader(text: string, io: Io, kind: FormatKind = 'text'): () => Promise<ScrapeResult> {
  const parsed = URL.parse(text)
  if (!parsed) throw new UsageError(`${JSON.stringify(redact(text))} is not a URL`)
  const { url, authorization } = splitCredentials(parsed)
  const config = readConfig(io.env)
  return async () => {
    const { maxBodyBytes, verifyTls, scrapeTimeoutMs } = config
    const fetcher = createFetcher({
      ...{ clock: systemClock, maxBodyBytes, verifyTls },
      authorizationFor: () => authorization,
    })
    const read = createRead({
      fetch: fetcher.fetch,
      inspect: (body, contentType) => inspect(body, contentType, config),
      maxBodyBytes,
      clock: systemClock,
      budget: createByteBudget(systemClock, 3 * maxBodyBytes),
    })
    try {
      return await read(url.href, { timeoutMs: scrapeTimeoutMs, keepAlive: false, kind, signal: io.signal })
    } finally {
      await fetcher.close()
    }
  }
}

function pathOf(name: string, endpoint: string | undefined): string {
  const path = `${name.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/')}/metrics`
  return endpoint === undefined ? path : `${path}?endpoint=${encodeURIComponent(endpoint)}`
}

function nameReader(path: string, agent: URL, io: Io): () => Promise<ScrapeResult> {
  const config = readConfig(io.env)
  return async () => {
    const response = await requestAgent(agent, path, '*/*', io.signal)
    const body = Buffer.from(await response.arrayBuffer())
    if (!response.ok)
      throw new Error(`${response.status} ${body.toString().trim().replaceAll('\n', '. To fix it: ')}`)
    const contentType = response.headers.get('content-type') ?? undefined
    const inspected = inspect(body, contentType, config)
    if (!inspected.ok)
      throw new Error(`line ${inspected.line}, column ${inspected.column}: ${inspected.reason}`)
    return { page: plainPage(body, inspected), contentType }
  }
}

function describe({ page, contentType }: ScrapeResult, durationMs: number): string {
  const facts = [
    `${page.series} series`,
    `${page.size} bytes`,
    page.format,
    contentType === undefined ? 'no Content-Type' : `Content-Type ${visible(contentType)}`,
    `${Math.round(durationMs)} ms`,
  ]
  const remarks = [...page.remarks, ...conflictsIn({ ...page, body: bodyOf(page) })]
  return [facts.join(', '), ...remarks.map((remark) => `  remark: ${visible(remark)}`), ''].join('\n')
}

/** What a client gets that prefers protobuf, if that has native histograms. */
async function describeProtobuf(read: () => Promise<ScrapeResult>): Promise<string> {
  try {
    const { page } = await read()
    const count = countNativeHistograms({ format: page.format, body: bodyOf(page) })
    if (count === 0) return ''
    return `  in protobuf: ${count} native ${count === 1 ? 'histogram' : 'histograms'}, ${page.series} series, ${page.size} bytes\n`
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return `  in protobuf: ${visible(error.message)}\n`
  }
}
