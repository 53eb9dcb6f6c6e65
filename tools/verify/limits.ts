// How near tests came to their limits, from what test/helpers/report-limits.ts puts into vitest's report.

export interface NearLimit {
  readonly test: string
  /** What took its time: the test as a whole, or one wait in it. */
  readonly what: string
  readonly tookMs: number
  readonly limitMs: number
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly duration?: number | null
      readonly meta: {
        readonly limits?: { readonly testMs: number; readonly wait?: Omit<NearLimit, 'test'> }
      }
    }[]
  }[]
}

export function limitsIn({ testResults }: Report): readonly NearLimit[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ fullName, duration, meta: { limits } }) => {
      if (limits === undefined) return []
      const test = `${name.replace(/^.*\/test\//, '')}: ${fullName}`
      const whole = { test, what: 'the test', tookMs: duration ?? 0, limitMs: limits.testMs }
      return limits.wait ? [whole, { test, ...limits.wait }] : [whole]
    }),
  )
}

/** The `count` tests that came nearest, a line each, nearest first; each test once. */
export function describeNearest(limits: readonly NearLimit[], count: number): readonly string[] {
  const seen = new Set<string>()
  return limits
    .toSorted((a, b) => shareOf(b) - shareOf(a))
    .filter(({ test }) => !seen.has(test) && seen.add(test))
    .slice(0, count)
    .map((one) => {
      const [took, limit] = [one.tookMs, one.limitMs].map((ms) => (ms / 1000).toFixed(1))
      return (
        `${Math.round(shareOf(one) * 100)} %`.padStart(5) +
        `  ${took} of ${limit} s  ${one.test} (${one.what})`
      )
    })
}

const shareOf = ({ tookMs, limitMs }: NearLimit) => tookMs / limitMs
