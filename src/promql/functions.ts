// The functions of PromQL that every Prometheus since 2.40 knows, in its own grammar’s names.

/** scalar, vector (instant), matrix (range vector), text. */
export type ValueType = 'scalar' | 'vector' | 'matrix' | 'text'

export interface Signature {
  readonly takes: readonly ValueType[]
  /** How many of the last arguments may be left out. */
  readonly optional: number
  /** The last argument may stand any number of times, or not at all. */
  readonly variadic: boolean
  readonly returns: ValueType
}

const letters = { s: 'scalar', v: 'vector', m: 'matrix', t: 'text' } as const

/** One letter an argument; `?`: the last may be left out; `*`: it may be repeated. */
const shapes: Readonly<Record<string, string>> = {
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
}

const scalars = ['pi', 'time', 'scalar']

export const functions: ReadonlyMap<string, Signature> = new Map(
  Object.entries(shapes).flatMap(([shape, names]) => {
    const takes = [...shape.replaceAll(/\W/g, '')].map((letter) => letters[letter as keyof typeof letters])
    const [optional, variadic] = [shape.endsWith('?') ? 1 : 0, shape.endsWith('*')]
    return names
      .split(' ')
      .map((name): [string, Signature] => [
        name,
        { takes, optional, variadic, returns: scalars.includes(name) ? 'scalar' : 'vector' },
      ])
  }),
)

/** What each aggregation takes before its vector. */
export const aggregations: ReadonlyMap<string, ValueType | undefined> = new Map([
  ...['avg', 'count', 'group', 'max', 'min', 'stddev', 'stdvar', 'sum'].map((name): [string, undefined] => [
    name,
    undefined,
  ]),
  ...['topk', 'bottomk', 'quantile'].map((name): [string, ValueType] => [name, 'scalar']),
  ['count_values', 'text'],
])
