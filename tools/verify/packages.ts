// Debian's packages that the tests with real parts use.

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { runToEnd } from './run.ts'

/** Installs what is missing where that is possible, and resolves with what is missing still. */
export async function installMissing(names: readonly string[]): Promise<readonly string[]> {
  const missing = await lacking([...new Set(names)])
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return missing
  process.stdout.write(`${'packages'.padEnd(14)} installing ${missing.join(' ')} … `)
  const began = performance.now()
  await withoutServices(async () => {
    await runToEnd('apt-get', ['update'])
    const flags = ['--yes', '--no-install-recommends', '--option', 'Dpkg::Options::=--force-confold']
    const install = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', ...flags, ...missing]
    const { code, output } = await runToEnd('env', install)
    console.log(code === 0 ? `${((performance.now() - began) / 1000).toFixed(1)} s` : `failed\n\n${output}`)
  })
  return lacking(missing)
}

async function lacking(names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return []
  const { output } = await runToEnd('dpkg-query', ['--list', ...names])
  const installed = new Set([...output.matchAll(/^ii\s+([^\s:]+)/gm)].map((found) => found[1]))
  return names.filter((name) => !installed.has(name))
}

/** Debian starts the services that it installs; here only their programs are wanted. */
async function withoutServices(install: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return install()
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await install()
  } finally {
    rmSync(policy)
  }
}
