// Every test fails if an agent in its process reported an internal error that it did not declare: a setup file of
// all projects.

import { afterAll, afterEach } from 'vitest'
import { internalErrors } from '../../src/logging/log.ts'

const reported: unknown[] = []
let isExpected = false

internalErrors.subscribe((error) => void reported.push(error))

/** This test provokes internal errors, at least one. Returns those so far. */
export function expectInternalErrors(): readonly unknown[] {
  isExpected = true
  return reported
}

function check(): void {
  const [errors, wasExpected] = [reported.splice(0), isExpected]
  isExpected = false
  if (wasExpected && errors.length === 0) throw new Error('no internal error was reported, as was expected')
  if (!wasExpected && errors.length > 0)
    throw new AggregateError(errors, `an agent reported an internal error: ${errors.map(stackOf).join('\n')}`)
}

function stackOf(error: unknown): string {
  return error instanceof Error
    ? `${error.stack}${error.cause ? `\ncaused by ${stackOf(error.cause)}` : ''}`
    : String(error)
}

afterEach(check)
afterAll(check)
