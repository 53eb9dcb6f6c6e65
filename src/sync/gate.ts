// Who may knock at the SSH port: before a caller has proved itself it costs us little, and a caller that fails
// again and again is turned away before it costs anything. Pure bookkeeping.

import type { Mono } from '../model.ts'

export interface Gate {
  /** Whether a connection from this address is taken. If so, `leave` or `pass` must follow. */
  knock(from: string, now: Mono): boolean
  /** The caller has proved itself. */
  pass(from: string): void
  /** The caller has gone without proving itself. */
  leave(from: string, now: Mono): void
}

/** Callers from one address that haven't proved themselves yet. */
const mostWaiting = 8
/** After so many failures within the period, an address is turned away until the period is over. */
const mostFailures = 20
const period = 10_000
const mostRemembered = 10_000

interface Caller {
  waiting: number
  failures: number
  /** When the count of failures began. */
  since: Mono
}

export function createGate(): Gate {
  const callers = new Map<string, Caller>()

  function callerAt(from: string, now: Mono): Caller {
    const known = callers.get(from) ?? { waiting: 0, failures: 0, since: now }
    if (now - known.since >= period) Object.assign(known, { failures: 0, since: now })
    callers.set(from, known)
    return known
  }

  function forgetOld(now: Mono): void {
    for (const [from, caller] of callers)
      if (caller.waiting === 0 && now - caller.since >= period) callers.delete(from)
  }

  function done(from: string): void {
    const caller = callers.get(from)
    if (caller) caller.waiting -= 1
  }

  return {
    knock(from, now) {
      if (callers.size >= mostRemembered) forgetOld(now)
      if (callers.size >= mostRemembered) return false
      const caller = callerAt(from, now)
      if (caller.waiting >= mostWaiting || caller.failures >= mostFailures) return false
      caller.waiting += 1
      return true
    },
    pass: done,
    leave(from, now) {
      done(from)
      callerAt(from, now).failures += 1
    },
  }
}
