// Internal errors are bugs of the agent: no fault may cause one, so each fails the run.

/** Throws if the agent has counted one since its start. */
export async function refuseCountedErrors(agent: string, url: string): Promise<void> {
  const response = await fetch(`${url}/metrics`)
  const samples = [
    ...(await response.text()).matchAll(/^app_metrics_proxy_internal_errors_total\{.*\} (\d+)$/gm),
  ]
  if (samples.length === 0) throw new Error(`${agent} doesn't report how many internal errors it had`)
  const errors = samples.filter(([, count]) => count !== '0').map(([sample]) => sample)
  if (errors.length > 0) throw new Error(`${agent} had internal errors:\n${errors.join('\n')}`)
}
