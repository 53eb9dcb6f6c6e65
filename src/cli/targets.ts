// `app-metrics-proxy targets`: what an agent knows of, as a table or as JSON.

import { setTimeout as pause } from 'node:timers/promises'
import { type Colour, createPaint, type Paint, visible, visibleJson } from '../logging/terminal.ts'
import type { Status, TargetState, TargetStatus } from '../status/shape.ts'
import { agentUrl, askAgent } from './agent-url.ts'
import type { Io } from './io.ts'
import { type Column, layOut } from './table.ts'
import { readArguments, refuseMore, UsageError, withUsage } from './usage.ts'

const allStates: readonly string[] = [
  'up',
  'down',
  'lost',
  'searching',
  'unscraped',
  'off',
  'ended',
] satisfies readonly TargetState[]

const usage = `Usage: app-metrics-proxy targets [options] [AGENT]

Lists what an agent knows of: every container of the cluster, its state, its endpoint, or why it has none.
AGENT is host:port or a URL; without it, the agent on this machine.

  --json        The status as JSON, as docs/STATUS.md describes it.
  --state LIST  Only these, separated by commas: ${allStates.join(', ')}.
  --watch       Again every two seconds, until Ctrl-C.
  --help        This text.

Exit code: 0 well, 1 the agent can't be asked, 2 used wrongly.
`

const every = 2000

export function targets(args: readonly string[], io: Io): Promise<number> {
  return withUsage(usage, io, async () => {
    const { values, positionals } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        state: { type: 'string' },
        watch: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help) return 'usage'
    const [given, ...more] = positionals
    refuseMore(more)
    const states = values.state === undefined ? undefined : statesIn(values.state)
    const show = values.json ? inJson : inTable(createPaint(io))
    const agent = agentUrl(given, io)
    const clear = values.watch && io.isTerminal && !values.json ? '\x1b[H\x1b[2J\x1b[3J' : ''
    do {
      try {
        const status = await statusOf(agent, io.signal)
        const text = show(states ? only(states, status) : status)
        io.stdout(clear + text)
      } catch (error) {
        if (io.signal.aborted) return 0
        io.stderr(`${visible((error as Error).message)}\n`)
        if (!values.watch) return 1
      }
    } while (values.watch && (await waited(io.signal)))
    return 0
  })
}

/** False: it was asked to end. */
function waited(signal: AbortSignal): Promise<boolean> {
  return pause(every, true, { signal }).catch(() => false)
}

async function statusOf(agent: URL, signal: AbortSignal): Promise<Status> {
  const response = await askAgent(agent, '', 'application/json', signal)
  if (!response.ok)
    throw new Error(`${agent.origin} answers ${response.status}: ${(await response.text()).trim()}`)
  if (!response.headers.get('content-type')?.includes('application/json'))
    throw new Error(`${agent.origin} is not an agent: it answers no JSON`)
  const status = (await response.json().catch(() => undefined)) as Status | undefined
  if (!Array.isArray(status?.targets) || !Array.isArray(status.problems))
    throw new Error(`${agent.origin} is not an agent: its JSON is not a status`)
  return status
}

function inJson(status: Status): string {
  return `${visibleJson(JSON.stringify(status, undefined, 2))}\n`
}

const columns: readonly Column[] = [
  { title: 'STATE' },
  { title: 'NAME' },
  { title: 'NODE' },
  { title: 'SERIES', right: true },
  { title: 'TOOK', right: true },
  { title: 'AGE', right: true },
  { title: 'ENDPOINT, OR WHY NOT' },
]

const colours: ReadonlyMap<TargetState, Colour> = new Map(
  Object.entries({
    up: 'green',
    down: 'red',
    lost: 'magenta',
    searching: 'blue',
    unscraped: 'yellow',
  } as const) as [TargetState, Colour][],
)

/** A misspelt one would show an empty table, as if all were well. */
function statesIn(list: string): readonly string[] {
  const states = list.split(',').map((one) => one.trim())
  const wrong = states.find((one) => !allStates.includes(one))
  if (wrong !== undefined) throw new UsageError(`${JSON.stringify(wrong)} is not a state`)
  return states
}

function only(states: readonly string[], status: Status): Status {
  return { ...status, targets: status.targets.filter(({ state }) => states.includes(state)) }
}

const inTable =
  (paint: Paint) =>
  ({ time, targets, problems }: Status): string => {
    const rows = targets.toSorted(byName).map((target) => rowOf(target, time, paint))
    const marks = { error: paint('red', 'error'), warning: paint('yellow', 'warning'), notice: 'notice' }
    const notes = problems.map(
      ({ severity, text, hint }) =>
        `${marks[severity]}: ${visible(text)}${hint ? `. To fix it: ${visible(hint)}` : ''}`,
    )
    const [head = '', ...lines] = layOut(columns, rows)
    return `${[...notes, ...(notes.length > 0 ? [''] : []), paint('bold', head), ...lines].join('\n')}\n`
  }

function rowOf(target: TargetStatus, time: number, paint: Paint): readonly string[] {
  const { state, node, series, duration, scraped, endpoint, trouble } = target
  const colour = colours.get(state) ?? 'dim'
  return [
    paint(colour, state),
    visible(nameOf(target)),
    visible(node),
    series === undefined ? '' : String(series),
    duration === undefined ? '' : `${Math.round(duration * 1000)} ms`,
    scraped === undefined ? '' : `${Math.max(0, Math.floor(time - scraped))} s`,
    trouble
      ? visible([trouble.reason, trouble.hint].filter(Boolean).join('. To fix it: '))
      : visible(endpoint?.url ?? ''),
  ]
}

function nameOf({ kind, service, name, replica, node }: TargetStatus): string {
  if (kind === 'replicated') return `${service}.${replica}`
  return kind === 'global' ? `${service}@${node}` : name
}

const collator = new Intl.Collator('en', { numeric: true })
const byName = (a: TargetStatus, b: TargetStatus) => collator.compare(nameOf(a) + a.node, nameOf(b) + b.node)
