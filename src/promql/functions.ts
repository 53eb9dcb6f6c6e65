// The functions and aggregations of PromQL that every Prometheus since 2.40 has.

/** scalar, vector (instant), matrix (range vector), text. */
export type ValueType = 'scalar' | 'vector' | 'matrix' | 'text'

export interface Signature {
  /** The types of the arguments; the last one's also for any that follow. */
  readonly takes: readonly ValueType[]
  /** How many arguments it takes. */
  readonly min: number
  readonly max: number
  readonly returns: ValueType
}

const letters = { s: 'scalar', v: 'vector', m: 'matrix', t: 'text' } as const
const scalars = ['pi', 'time', 'scalar']

/** Names by shape, one letter an argument; `?`: the last may be left out; `*`: it may also be repeated. */
function signatures(shapes: Readonly<Record<string, string>>): ReadonlyMap<string, Signature> {
  return new Map(
    Object.entries(shapes).flatMap(([shape, names]) => {
      const takes = [...shape.replaceAll(/\W/g, '')].map((letter) => letters[letter as keyof typeof letters])
      const min = takes.length - (/[?*]$/.test(shape) ? 1 : 0)
      const max = shape.endsWith('*') ? Number.POSITIVE_INFINITY : takes.length
      return names.split(' ').map((name): [string, Signature] => {
        const returns = scalars.includes(name) ? 'scalar' : 'vector'
        return [name, { takes, min, max, returns }]
      })
    }),
  )
}

export const functions = signatures({
  v: 'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_count histogram_sum ln log10 log2 rad scalar sgn sin sinh sort sort_desc sqrt tan tanh timestamp',
  'v?': 'days_in_month day_of_month day_of_week day_of_year hour minute month year',
  m: 'absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time',
  s: 'vector',
  '': 'pi time',
  sv: 'histogram_quantile',
  ssv: 'histogram_fraction',
  sm: 'quantile_over_time',
  ms: 'predict_linear',
  vs: 'clamp_max clamp_min',
  'vs?': 'round',
  vss: 'clamp',
  vtttt: 'label_replace',
  'vttt*': 'label_join',
})

export const aggregations = signatures({
  v: 'avg count group max min stddev stdvar sum',
  sv: 'topk bottomk quantile',
  tv: 'count_values',
})
