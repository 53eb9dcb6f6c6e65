// Numbers as text. Pure.

const grouped = new Intl.NumberFormat('en')

/** @param {number} value */
export function count(value) {
  return grouped.format(value)
}

/** @param {number} value */
export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB']
  let amount = value
  let unit = 0
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000
    unit += 1
  }
  return `${unit > 0 && amount < 9.95 ? amount.toFixed(1) : Math.round(amount)} ${units[unit]}`
}

/**
 * A duration.
 * @param {number} seconds
 */
export function durationText(seconds) {
  const ms = seconds * 1000
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`
}

/**
 * An interval, which varies a little: `15 s`, `2 min`.
 * @param {number} seconds
 */
export function intervalText(seconds) {
  if (seconds < 0.95) return durationText(seconds)
  return seconds < 99.5 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
}

/**
 * An age, in whole units, since it changes every second.
 * @param {number} seconds
 */
export function age(seconds) {
  const whole = Math.max(0, Math.floor(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min`
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h`
  return `${Math.floor(whole / 86_400)} d`
}

const times = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' })

/**
 * Date and time in the browser's time zone: `2026-11-30 14:03:21`.
 * @param {number | undefined} unixSeconds
 */
export function timeText(unixSeconds) {
  return unixSeconds === undefined ? '' : times.format(unixSeconds * 1000)
}

/**
 * @param {number} amount
 * @param {string} one
 * @param {string} [many]
 */
export function plural(amount, one, many = `${one}s`) {
  return `${count(amount)} ${amount === 1 ? one : many}`
}
