// To be called before the product is imported: from then on Ed25519, zstd and the reading of files, more than half of a
// scenario's time, are done by their stand-ins.

import { registerHooks } from 'node:module'

export function useStandIns(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context)
      const isInSync = context.parentURL?.includes('/src/sync/')
      if (isInSync && specifier === 'node:zlib') return standIn('zlib')
      if (context.parentURL?.includes('/src/status/') && specifier === 'node:fs') return standIn('fs')
      if (found.url.endsWith('/src/sync/identity.ts')) return standIn('identity')
      const isStandIn = context.parentURL?.includes('/stand-ins/')
      return found.url.endsWith('/src/labels/settings.ts') && !isStandIn ? standIn('settings') : found
    },
  })
}

function standIn(name: string): { url: string; shortCircuit: true } {
  return { url: new URL(`${name}.ts`, import.meta.url).href, shortCircuit: true }
}
