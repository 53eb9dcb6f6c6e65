// All commands. Each is loaded only when it is asked for.

import type { Command } from './io.ts'

export interface Listed {
  readonly about: string
  /** It takes options of its own. */
  readonly options?: true
  readonly load: () => Promise<Command>
}

export const commands: Readonly<Record<string, Listed>> = {
  run: {
    about: 'Run the agent. This is what happens without a command.',
    load: async () => (await import('./run.ts')).run,
  },
  check: {
    about: 'Look at configuration and surroundings: what is well, and what to do where it is not.',
    options: true,
    load: async () => (await import('./check.ts')).check,
  },
  targets: {
    about: 'List what an agent knows of: every container, its state, its endpoint, or why it has none.',
    options: true,
    load: async () => (await import('./targets.ts')).targets,
  },
  scrape: {
    about: 'Read one page of metrics and tell whether Prometheus would take it, and why not.',
    options: true,
    load: async () => (await import('./scrape.ts')).scrape,
  },
  rules: {
    about: 'Bring the alerting rules of many clusters to a Prometheus.',
    options: true,
    load: async () => (await import('./rules.ts')).rules,
  },
  health: {
    about: 'Exit with 0 if the agent on this machine is alive. For HEALTHCHECK.',
    load: async () => (await import('./health-command.ts')).health,
  },
  version: {
    about: 'Print the version.',
    load: async () => (await import('./version.ts')).printVersion,
  },
}
