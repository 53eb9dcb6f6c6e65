// `app-metrics-proxy targets`: the targets of the cluster as a table or as JSON.

import {
  alignColumns,
  type Colour,
  createPaint,
  type Paint,
  visible,
  visibleJson,
} from '../logging/terminal.ts'
import type { Status, TargetState, TargetStatus } from '../status/shape.ts'
import { agentUrl, requestAgent } from './agent-client.ts'
import { type Io, UsageError, withArguments } from './command.ts'

const colours: ReadonlyMap<string, Colour> = new Map<TargetState, Colour>([
  ['up', 'green'],
  ['down', 'red'],
  ['lost', 'magenta'],
  ['searching', 'blue'],
  ['unscraped', 'yellow'],
  ['off', 'dim'],
  ['ended', 'dim'],
])
const allStates = [...colours.keys()]

const usage = `Usage: app-metrics-proxy targets [options] [AGENT]

Lists the targets of the cluster: the state and the endpoint of each, or the reason why it has none.
AGENT is host:port or a URL. Default: the agent on this machine.

  --json        Print the status as JSON: see docs/STATUS.md.
  --state LIST  Only targets in these states, separated by commas: ${allStates.join(', ')}.
  --help        Print this text.

Examples:
  app-metrics-proxy targets --state down,lost
  app-metrics-proxy targets --json node3:2137

Exit code: 0 success, 1 the agent doesn't respond, 2 wrong usage.
`

export function targets(args: readonly string[], io: Io): Promise<number> {
  const options = { json: { type: 'boolean' }, state: { type: 'string' } } as const
  return withArguments(args, io, { usage, options, maxPositionals: 1 }, async (values, [address]) => {
    const states = values.state === undefined ? allStates : statesIn(values.state)
    const print = values.json ? printJson : tablePrinter(createPaint(io))
    const agent = agentUrl(address, io)
    try {
      const status = await requestStatus(agent, io.signal)
      const targets = status.targets.filter(({ state }) => states.includes(state))
      io.stdout(print({ ...status, targets }))
      return 0
    } catch (error) {
      io.stderr(`${visible((error as Error).message)}\n`)
      return 1
    }
  })
}

async function requestStatus(agent: URL, signal: AbortSignal): Promise<Status> {
  const response = await requestAgent(agent, '', 'application/json', signal)
  if (!response.ok)
    throw new Error(`${agent.origin} answered ${response.status}: ${(await response.text()).trim()}`)
  if (!response.headers.get('content-type')?.includes('application/json'))
    throw new Error(`${agent.origin} is not an agent: its response is not JSON`)
  const status = (await response.json().catch(() => undefined)) as Status | undefined
  if (!Array.isArray(status?.targets) || !Array.isArray(status.problems))
    throw new Error(`${agent.origin} is not an agent: its response is not a status`)
  return status
}

function printJson(status: Status): string {
  return `${visibleJson(JSON.stringify(status, undefined, 2))}\n`
}

const titles = ['STATE', 'INSTANCE', 'NODE', 'SERIES', 'DURATION', 'AGE', 'ENDPOINT OR REASON']
const numberColumns = new Set(['SERIES', 'DURATION', 'AGE'].map((title) => titles.indexOf(title)))

/** A misspelt state would print an empty table. */
function statesIn(list: string): readonly string[] {
  const states = list.split(',').map((one) => one.trim())
  const wrong = states.find((one) => !allStates.includes(one))
  if (wrong !== undefined) throw new UsageError(`${JSON.stringify(wrong)} is not a state`)
  return states
}

const tablePrinter =
  (paint: Paint) =>
  ({ time, targets, problems }: Status): string => {
    const rows = targets.toSorted(byInstance).map((target) => rowOf(target, time, paint))
    const severities = { error: paint('red', 'error'), warning: paint('yellow', 'warning'), notice: 'notice' }
    const problemLines = problems.map(
      ({ severity, text, hint }) =>
        `${severities[severity]}: ${visible(text)}${hint ? `. To fix it: ${visible(hint)}` : ''}`,
    )
    const [head = '', ...lines] = alignColumns([titles, ...rows], numberColumns)
    return `${[...problemLines, ...(problemLines.length > 0 ? [''] : []), paint('bold', head), ...lines].join('\n')}\n`
  }

function rowOf(target: TargetStatus, time: number, paint: Paint): readonly string[] {
  const { state, node, series, duration, scraped, endpoint, failure } = target
  return [
    // a later version may have other states
    paint(colours.get(state) ?? 'dim', state),
    visible(target.instance),
    visible(node),
    series === undefined ? '' : String(series),
    duration === undefined ? '' : `${Math.round(duration * 1000)} ms`,
    scraped === undefined ? '' : `${Math.max(0, Math.floor(time - scraped))} s`,
    failure
      ? visible([failure.reason, failure.hint].filter(Boolean).join('. To fix it: '))
      : visible(endpoint?.url ?? ''),
  ]
}

const collator = new Intl.Collator('en', { numeric: true })
const byInstance = (a: TargetStatus, b: TargetStatus) => collator.compare(a.instance, b.instance)
