// `app-metrics-proxy scrape`: one page of metrics, and whether Prometheus would take it.

import { systemClock } from '../clock.ts'
import { readConfig } from '../config/config.ts'
import { ProxyError } from '../errors.ts'
import { inspect } from '../exposition/inspect.ts'
import { redact, splitCredentials } from '../http/credentials.ts'
import { createPaint, visible, visibleLines } from '../logging/terminal.ts'
import { plainPage } from '../model.ts'
import { createByteBudget } from '../runtime/byte-budget.ts'
import { createFetcher } from '../scrape/fetch.ts'
import { createReader, type Reading } from '../scrape/read.ts'
import { bodyOf } from '../sync/codec.ts'
import { agentUrl, askAgent } from './agent-url.ts'
import type { Io } from './io.ts'
import { readArguments, refuseMore, UsageError, withUsage } from './usage.ts'

const usage = `Usage: app-metrics-proxy scrape [options] URL
       app-metrics-proxy scrape [options] NAME [AGENT]

Reads one page of metrics as the agent does, and tells whether Prometheus would take it, and if not, why.
A URL is read from here. A NAME, such as web or stack_web/2, is asked of an agent: of the one on this machine,
or of AGENT, which is host:port or a URL.

  --print  Print the page, and nothing else.
  --help   This text.

Exit code: 0 valid metrics, 1 not, 2 used or configured wrongly.
`

export function scrape(args: readonly string[], io: Io): Promise<number> {
  return withUsage(usage, io, async () => {
    const { values, positionals } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { print: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    })
    if (values.help) return 'usage'
    const [what, agent, ...more] = positionals
    if (what === undefined) throw new UsageError('which URL, or which name?')
    if (isUrl(what)) refuseMore(agent === undefined ? more : [agent])
    refuseMore(more)
    const read = isUrl(what) ? urlReader(what, io) : nameReader(what, agentUrl(agent, io), io)
    const paint = createPaint(io)
    try {
      const before = performance.now()
      const reading = await read()
      const durationMs = performance.now() - before
      if (values.print) io.stdout(printed(reading, io))
      else io.stdout(`${paint('green', 'valid')}: ${describe(reading, durationMs)}`)
      return 0
    } catch (error) {
      if (!(error instanceof Error)) throw error
      const hint =
        error instanceof ProxyError && error.hint !== undefined ? `To fix it: ${visible(error.hint)}\n` : ''
      io.stderr(`${paint('red', 'refused')}: ${visible(error.message)}\n${hint}`)
      return 1
    }
  })
}

/** As it is; but a terminal would obey it. */
function printed({ page }: Reading, { isTerminal }: Io): string {
  const text = Buffer.from(bodyOf(page)).toString()
  return isTerminal ? visibleLines(text) : text
}

const isUrl = (text: string) => /^https?:\/\//.test(text)

/** What is wrong with the command line or the configuration is thrown at once, not by the reading. */
function urlReader(text: string, io: Io): () => Promise<Reading> {
  const given = URL.parse(text)
  if (!given) throw new UsageError(`${JSON.stringify(redact(text))} is not a URL`)
  const { url, authorization } = splitCredentials(given)
  const config = readConfig(io.env)
  return async () => {
    const { maxBodyBytes, verifyTls, scrapeTimeoutMs } = config
    const fetcher = createFetcher({
      ...{ clock: systemClock, maxBodyBytes, verifyTls },
      authorizationFor: () => authorization,
    })
    const read = createReader({
      fetch: fetcher.fetch,
      inspect: (body, contentType) => inspect(body, contentType, config),
      maxBodyBytes,
      clock: systemClock,
      budget: createByteBudget(systemClock, 3 * maxBodyBytes),
    })
    try {
      return await read(url.href, { timeoutMs: scrapeTimeoutMs, keepAlive: false, signal: io.signal })
    } finally {
      await fetcher.close()
    }
  }
}

function nameReader(name: string, agent: URL, io: Io): () => Promise<Reading> {
  const config = readConfig(io.env)
  const path = `${name.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/')}/metrics`
  return async () => {
    const response = await askAgent(agent, path, '*/*', io.signal)
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

function describe({ page, contentType }: Reading, durationMs: number): string {
  const facts = [
    `${page.series} series`,
    `${page.size} bytes`,
    page.format,
    contentType === undefined ? 'no Content-Type' : `Content-Type ${visible(contentType)}`,
    `${Math.round(durationMs)} ms`,
  ]
  return [facts.join(', '), ...page.remarks.map((remark) => `  remark: ${visible(remark)}`), ''].join('\n')
}
