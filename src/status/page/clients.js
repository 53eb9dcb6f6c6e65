// Who scrapes this agent, and a warning when nobody does.

/** @import { ClientStatus } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
import { get, keyedList, make, setHidden, setText } from './dom.js'
import { age, intervalText } from './format.js'

export function createClients() {
  const warning = get('clients-warning')
  const list = get('clients-list')
  /** @type {(items: readonly { client: ClientStatus, now: number }[]) => void} */
  const show = keyedList(list, {
    keyOf: ({ client: { address, userAgent, subject } }) => JSON.stringify([address, userAgent, subject]),
    create: createClient,
  })
  return (/** @type {ClusterStatus} */ { clients, nodes, nodeId }, /** @type {number} */ now) => {
    show(clients.map((client) => ({ client, now })))
    setHidden(list, clients.length === 0)
    const isScraped = clients.some(({ subject }) => subject === 'metrics')
    const node = nodes.find(({ id }) => id === nodeId)?.name ?? nodeId
    const others =
      nodes.length > 1 ? ' Another agent may be scraped instead: each knows only its own clients.' : ''
    setHidden(warning, isScraped)
    setText(warning, `Nobody has scraped the agent of ${node} within the last 15 minutes.${others}`)
  }
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
