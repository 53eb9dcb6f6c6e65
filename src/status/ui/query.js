// The filters and the open target, as in the URL: a view can be shared and bookmarked, and Back works. Pure.

/**
 * @typedef {object} Query
 * @property {string} search words that a target must contain
 * @property {readonly string[]} states empty: all
 * @property {string} node a node's id
 * @property {string} stack
 * @property {string} sort a column; after `-`: descending; empty: failures first
 * @property {string} target the key of the target whose details are open
 * @property {string} metricsSearch words searched for in its metrics
 */

/** @type {Query} */
export const noFilters = {
  search: '',
  states: [],
  node: '',
  stack: '',
  sort: '',
  target: '',
  metricsSearch: '',
}

/**
 * @param {string} search
 * @returns {Query}
 */
export function readQuery(search) {
  const parameters = new URLSearchParams(search)
  const text = (/** @type {string} */ name) => parameters.get(name) ?? ''
  return {
    search: text('q'),
    states: text('state').split(',').filter(Boolean),
    node: text('node'),
    stack: text('stack'),
    sort: text('sort'),
    target: text('target'),
    metricsSearch: text('find'),
  }
}

/**
 * @param {Query} query
 * @returns {string} a relative URL: `?…`, or `.` without filters
 */
export function printQuery({ search, states, node, stack, sort, target, metricsSearch }) {
  const parameters = new URLSearchParams()
  const values = { q: search, state: states.join(','), node, stack, sort, target, find: metricsSearch }
  for (const [name, value] of Object.entries(values)) if (value !== '') parameters.set(name, value)
  return parameters.size === 0 ? '.' : `?${parameters}`
}

/** @param {Query} query */
export function isFiltered({ search, states, node, stack }) {
  return search.trim() !== '' || states.length > 0 || node !== '' || stack !== ''
}
