// What was found of one fault.

export interface Row {
  readonly fault: string
  readonly found: string
}

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
