// `app-metrics-proxy health`: the same as the program that Docker starts.

export async function health(): Promise<number> {
  await import('./health.ts')
  // it ends the process itself
  return new Promise(() => {})
}
