// What the page shows, as it stands in the URL: so that a view can be shared, kept and gone back to. Pure.

/**
 * @typedef {object} Query
 * @property {string} q words, all of which a target must hold
 * @property {readonly string[]} states none: all
 * @property {string} node a node's id
 * @property {string} stack
 * @property {string} target the key of the target whose details are open
 * @property {string} find what is looked for in its page
 */

/** @type {Query} */
export const everything = { q: '', states: [], node: '', stack: '', target: '', find: '' }

/**
 * @param {string} search
 * @returns {Query}
 */
export function readQuery(search) {
  const given = new URLSearchParams(search)
  const text = (/** @type {string} */ name) => given.get(name) ?? ''
  return {
    q: text('q'),
    states: text('state').split(',').filter(Boolean),
    node: text('node'),
    stack: text('stack'),
    target: text('target'),
    find: text('find'),
  }
}

/**
 * @param {Query} query
 * @returns {string} what to put behind the path: begins with `?`, or is `.` for everything
 */
export function printQuery({ q, states, node, stack, target, find }) {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries({ q, state: states.join(','), node, stack, target, find }))
    if (value !== '') given.set(name, value)
  return given.size === 0 ? '.' : `?${given}`
}

/** @param {Query} query */
export function isFiltered({ q, states, node, stack }) {
  return q.trim() !== '' || states.length > 0 || node !== '' || stack !== ''
}
