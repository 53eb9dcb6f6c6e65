// The job under which Prometheus knows a service: in its list of targets and in alerts about it.

import type { Settings } from './settings.ts'

export function jobOf(settings: Settings, service: string, stack: string | undefined): string {
  if (settings.job) return settings.job.value
  const prefix = `${stack}_`
  const isShort = settings.shortName?.value && stack !== undefined && service.startsWith(prefix)
  return isShort ? service.slice(prefix.length) : service
}
