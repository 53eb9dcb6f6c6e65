// Who scrapes this agent, and a warning when nobody does, or when a client scrapes the same doubly.

/** @import { ClientStatus } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
import { get, keyedList, make, setHidden, setText } from './dom.js'
import { age, intervalText, plural } from './format.js'

export function createClients() {
  const list = get('clients-list')
  /** @type {(items: readonly { client: ClientStatus, now: number }[]) => void} */
  const show = keyedList(list, {
    keyOf: ({ client: { address, userAgent, subject } }) => JSON.stringify([address, userAgent, subject]),
    create: createClient,
  })
  /** @type {(warnings: readonly { text: string, hint: string }[]) => void} */
  const showWarnings = keyedList(get('clients-warnings'), {
    keyOf: ({ text }) => text,
    create: createWarning,
  })
  return (/** @type {ClusterStatus} */ status, /** @type {number} */ now) => {
    const { clients } = status
    show(clients.map((client) => ({ client, now })))
    setHidden(list, clients.length === 0)
    const isScraped = clients.some(({ subject }) => subject === 'metrics')
    const doubled = clients.flatMap(doubledWarning)
    showWarnings(isScraped ? doubled : [unscrapedWarning(status, now)])
  }
}

const recentSeconds = 900

/**
 * @param {ClusterStatus} status
 * @param {number} now
 */
function unscrapedWarning({ nodes, nodeId }, now) {
  const node = nodes.find(({ id }) => id === nodeId)
  const isNew = node?.since !== undefined && now - node.since < recentSeconds
  const others =
    nodes.length > 1 ? ' Another agent may be scraped instead: each knows only its own clients.' : ''
  return {
    text: `Nobody has scraped the agent of ${node?.name ?? nodeId} ${isNew ? 'since it started' : 'within the last 15 minutes'}.${others}`,
    hint: 'add a job to Prometheus: copy it from the details of any target',
  }
}

/**
 * @param {ClientStatus} client
 * @returns {readonly { text: string, hint: string }[]}
 */
function doubledWarning({ address, userAgent, doubled }) {
  if (!doubled) return []
  const [path = '', other] = doubled.paths
  const what = `${userAgent || 'A client'} at ${address} scrapes ${plural(doubled.targets, 'target')} twice in each interval`
  if (other !== undefined)
    return [
      {
        text: `${what}: by ${path} and by ${other}.`,
        hint: 'remove one of the two scrape jobs. A job with /sd needs no other that lists nodes or services',
      },
    ]
  return [
    {
      text: `${what}: two jobs have ${path}.`,
      hint: 'remove one of the two scrape jobs. If two servers share this address, since a proxy or a port that is published without mode: host hides theirs, nothing is wrong',
    },
  ]
}

/** @param {{ readonly text: string, readonly hint: string }} warning */
function createWarning({ text, hint }) {
  const advice = make('span', { class: 'hint' }, hint)
  return { element: make('li', {}, make('span', {}, text), ' ', advice), update() {} }
}

function createClient() {
  const address = make('span', { class: 'address' })
  const userAgent = make('span', { class: 'user-agent' })
  const what = make('span')
  const last = make('span', { class: 'last' })
  return {
    element: make('li', {}, address, userAgent, what, last),
    /** @param {{ readonly client: ClientStatus, readonly now: number }} item */
    update({ client, now }) {
      setText(address, client.address)
      setText(userAgent, client.userAgent === '' ? 'no user agent' : client.userAgent)
      setText(what, whatText(client))
      setText(last, `${age(now - client.last)} ago`)
    },
  }
}

/** @param {ClientStatus} client */
function whatText({ subject, format, interval }) {
  const every = interval === undefined ? '' : `every ${intervalText(interval)}`
  return [subject, format, every].filter(Boolean).join(', ')
}
