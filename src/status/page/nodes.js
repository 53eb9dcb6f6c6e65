// The nodes: each with its link, its version, and all its targets as a matrix. A click filters by the node.

import { get, keyedList, make, setAttribute, setHidden, setText } from './dom.js'
import { createMatrix } from './drawings.js'
/** @import { NodeStatus, TargetStatus } from '../shape.ts' */
/** @import { Known } from './model.js' */
import { age, durationText } from './format.js'
import { sayHealth } from './model.js'

const columns = 24
/** More nodes are shown smaller. */
const mostLarge = 12

/**
 * @typedef {object} Item
 * @property {NodeStatus} node
 * @property {readonly TargetStatus[]} targets
 * @property {number} now
 * @property {boolean} chosen
 */

/** @param {(node: string) => void} onChoose */
export function createNodes(onChoose) {
  /** @type {(items: readonly Item[]) => void} */
  const show = keyedList(get('nodes'), {
    keyOf: ({ node }) => node.id,
    create: ({ node }) => createCard(node.id, onChoose),
  })
  return (/** @type {Known} */ known, /** @type {number} */ now, /** @type {string} */ chosen) => {
    const byNode = Map.groupBy(inOrder(known), ({ nodeId }) => nodeId)
    setAttribute(get('nodes'), 'data-many', `${known.nodes.length > mostLarge}`)
    show(
      known.nodes.map((node) => ({
        node,
        targets: byNode.get(node.id) ?? [],
        now,
        chosen: node.id === chosen,
      })),
    )
  }
}

/** @param {Known} known */
function inOrder({ groups, targets }) {
  return groups.flatMap(({ members }) => members.flatMap((key) => targets.get(key) ?? []))
}

/**
 * @param {string} id
 * @param {(node: string) => void} onChoose
 */
function createCard(id, onChoose) {
  const name = make('span', { class: 'name' })
  const role = make('span', { class: 'tag' })
  const link = make('span', { class: 'link' })
  const version = make('span', { class: 'version' })
  const counts = make('span', { class: 'counts' })
  const matrix = createMatrix(columns)
  const button = make(
    'button',
    { type: 'button', class: 'node' },
    make('span', { class: 'top' }, name, role, counts),
    make('span', { class: 'top' }, link, version),
    matrix.element,
  )
  button.addEventListener('click', () => onChoose(id))
  return {
    element: make('li', {}, button),
    /** @param {Item} item */
    update({ node, targets, now, chosen }) {
      setText(name, node.name)
      setText(role, node.manager ? 'manager' : 'worker')
      setHidden(role, !node.swarm)
      setText(version, node.version ?? '')
      setText(link, sayLink(node, now))
      setText(counts, targets.length === 0 ? 'no containers' : sayHealth(targets))
      setAttribute(button, 'data-link', node.trouble ? 'lost' : node.link)
      setAttribute(button, 'aria-pressed', `${chosen}`)
      setAttribute(button, 'title', [node.hostname, node.id, node.address].filter(Boolean).join('\n'))
      matrix.update(targets.map(({ state }) => state))
    },
  }
}

/**
 * @param {NodeStatus} node
 * @param {number} now
 */
function sayLink({ link, since, roundTrip, swarmState, trouble }, now) {
  const state = swarmState === undefined ? '' : `, ${swarmState}`
  if (trouble) return `in trouble${state}`
  if (link === 'self') return `this agent${state}`
  if (link === 'up') return `linked${roundTrip === undefined ? '' : `, ${durationText(roundTrip)}`}${state}`
  if (link === 'lost') return `lost for ${age(now - (since ?? now))}${state}`
  return `no agent${state}`
}
