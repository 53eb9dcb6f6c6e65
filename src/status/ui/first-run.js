// What to do first, as long as the cluster has no containers but the agents.

/** @import { ClusterStatus } from './model.js' */
import { clusterJob, joinBlock, labelBlock } from './blocks.js'
import { createBlock } from './copy.js'
import { get, make, setHidden, setText } from './dom.js'

export function createFirstRun() {
  const join = createStep('Let the agent reach your containers')
  const label = createStep('Set the port, unless it is 80, 8080 or 9100')
  const prometheus = createStep('Add this cluster to Prometheus')
  label.element.append(make('a', { href: './-/docs/LABELS.md' }, 'All labels'))
  prometheus.element.append(make('a', { href: './-/docs/PROMETHEUS.md' }, 'More about Prometheus'))
  get('first-run-steps').append(join.element, label.element, prometheus.element)
  return (/** @type {ClusterStatus} */ status) => {
    const isFirstRun = status.groups.every(({ members }) =>
      members.some((key) => status.targets.get(key)?.kind === 'agent'),
    )
    setHidden(get('first-run'), !isFirstRun)
    if (!isFirstRun) return
    const isSwarm = status.nodes.some(({ swarm }) => swarm)
    join.update(
      isSwarm
        ? 'Attach your services to the network monitor, which the stack of the agents creates.'
        : 'Attach your containers to a network of the agent, here monitor. An agent on the host’s network, as in deploy/standalone, reaches them without it.',
      joinBlock,
    )
    label.update(
      'These ports are scanned for /metrics. Labels set another port or path.',
      labelBlock(isSwarm),
    )
    prometheus.update(
      'Every container becomes a target, with its service as job. The address is the ADVERTISE of this agent: best one name for all nodes.',
      clusterJob(status, location.protocol === 'https:'),
    )
  }
}

/** @param {string} title */
function createStep(title) {
  const text = make('p', { class: 'hint' })
  const block = createBlock(title)
  return {
    element: make('li', {}, make('h3', {}, title), text, block.element),
    /**
     * @param {string} explanation
     * @param {string} code
     */
    update(explanation, code) {
      setText(text, explanation)
      block.update(code)
    },
  }
}
