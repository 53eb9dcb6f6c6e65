// The nodes, each with its link, its version, and its targets as a matrix. A click filters by node.

import { createStateMatrix } from './charts.js'
import { get, keyedList, make, setAttribute, setHidden, setText } from './dom.js'
/** @import { NodeStatus, TargetStatus } from '../shape.ts' */
/** @import { ClusterStatus } from './model.js' */
import { count, durationText } from './format.js'
import { countStates, healthText, sinceText } from './model.js'

const columns = 24
/** More nodes are a strip, so that targets show on the first screen: each with its name, and what is wrong. */
const maxLarge = 12

/**
 * @typedef {object} NodeItem
 * @property {NodeStatus} node
 * @property {readonly TargetStatus[]} targets
 * @property {number} now
 * @property {boolean} isSelected
 * @property {boolean} isStrip
 */

/** @param {(node: string) => void} onSelect */
export function createNodes(onSelect) {
  /** @type {(items: readonly NodeItem[]) => void} */
  const show = keyedList(get('nodes'), {
    keyOf: ({ node }) => node.id,
    create: ({ node }) => createCard(node.id, onSelect),
  })
  return (/** @type {ClusterStatus} */ status, /** @type {number} */ now, /** @type {string} */ selected) => {
    const byNode = Map.groupBy(sortedTargets(status), ({ nodeId }) => nodeId)
    const isStrip = status.nodes.length > maxLarge
    setAttribute(get('nodes'), 'data-strip', `${isStrip}`)
    show(
      status.nodes.map((node) => ({
        node,
        targets: byNode.get(node.id) ?? [],
        now,
        isSelected: node.id === selected,
        isStrip,
      })),
    )
  }
}

/** @param {ClusterStatus} status */
function sortedTargets({ groups, targets }) {
  return groups.flatMap(({ members }) => members.flatMap((key) => targets.get(key) ?? []))
}

/**
 * @param {string} id
 * @param {(node: string) => void} onSelect
 */
function createCard(id, onSelect) {
  const name = make('span', { class: 'name' })
  const role = make('span', { class: 'tag' })
  const link = make('span', { class: 'link' })
  const version = make('span', { class: 'version' })
  const counts = make('span', { class: 'counts' })
  const matrix = createStateMatrix(columns)
  const button = make(
    'button',
    { type: 'button', class: 'node' },
    make('span', { class: 'line' }, name, role, version),
    make('span', { class: 'line' }, link, counts),
    matrix.element,
  )
  button.addEventListener('click', () => onSelect(id))
  return {
    element: make('li', {}, button),
    /** @param {NodeItem} item */
    update({ node, targets, now, isSelected, isStrip }) {
      setText(name, node.name)
      setText(role, node.manager ? 'manager' : 'worker')
      setHidden(role, !node.swarm)
      setText(version, node.version ?? '')
      const health = targets.length === 0 ? 'no containers' : healthText(targets)
      const down = countStates(targets).get('down') ?? 0
      const isWell = (node.link === 'self' || node.link === 'up') && !node.failure
      setText(link, isStrip && isWell ? '' : linkText(node, now))
      setText(counts, isStrip ? (down > 0 ? `${count(down)} down` : '') : health)
      setAttribute(button, 'data-link', node.failure && node.link !== 'lost' ? 'failure' : node.link)
      setAttribute(button, 'aria-pressed', `${isSelected}`)
      setAttribute(button, 'title', [node.hostname, node.id, node.address, health].filter(Boolean).join('\n'))
      setHidden(matrix.element, isStrip)
      if (!isStrip) matrix.update(targets.map(({ state }) => state))
    },
  }
}

/**
 * @param {NodeStatus} node
 * @param {number} now
 */
function linkText({ link, since, roundTrip, swarmStatus, failure }, now) {
  const state = swarmStatus === undefined ? '' : `, ${swarmStatus}`
  if (link === 'lost') return `lost ${sinceText(since, now)}${state}`
  if (failure) return `problem, see above${state}`
  if (link === 'self') return `this agent${state}`
  if (link === 'up')
    return `connected${roundTrip === undefined ? '' : `, ${durationText(roundTrip)}`}${state}`
  return `no agent${state}`
}
