// The filters and the open target, as in the URL: a view can be shared and bookmarked, and Back works. Pure.

/**
 * @typedef {object} Query
 * @property {string} q words that a target must contain
 * @property {readonly string[]} states empty: all
 * @property {string} node a node's id
 * @property {string} stack
 * @property {string} sort a column; after `-`: descending; empty: failures first
 * @property {string} target the key of the target whose details are open
 * @property {string} find words searched for in its metrics
 */

/** @type {Query} */
export const noFilters = { q: '', states: [], node: '', stack: '', sort: '', target: '', find: '' }

/**
 * @param {string} search
 * @returns {Query}
 */
export function readQuery(search) {
  const parameters = new URLSearchParams(search)
  const text = (/** @type {string} */ name) => parameters.get(name) ?? ''
  return {
    q: text('q'),
    states: text('state').split(',').filter(Boolean),
    node: text('node'),
    stack: text('stack'),
    sort: text('sort'),
    target: text('target'),
    find: text('find'),
  }
}

/**
 * @param {Query} query
 * @returns {string} a relative URL: `?…`, or `.` without filters
 */
export function printQuery({ q, states, node, stack, sort, target, find }) {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries({ q, state: states.join(','), node, stack, sort, target, find }))
    if (value !== '') parameters.set(name, value)
  return parameters.size === 0 ? '.' : `?${parameters}`
}

/** @param {Query} query */
export function isFiltered({ q, states, node, stack }) {
  return q.trim() !== '' || states.length > 0 || node !== '' || stack !== ''
}
