// VictoriaMetrics' programs, of the release that is fetched (setup.ts), called as the documentation calls them.

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackedAt } from '../../helpers/debian.ts'
import { blocksOf } from '../../helpers/manual.ts'
import { type Call, type Program, startProgram } from './process.ts'

type VictoriaProgram = 'vmagent' | 'vmalert' | 'victoria-metrics'

const pathOf = (program: VictoriaProgram) => join(unpackedAt('victoria-metrics'), 'usr/bin', program)

export function startVictoria(
  program: VictoriaProgram,
  flagsIn: (folder: string) => readonly string[] | Promise<readonly string[]>,
): Promise<Program> {
  const prepare = async (folder: string, listen: string): Promise<Call> => ({
    args: [`-httpListenAddr=${listen}`, '-loggerLevel=WARN', ...(await flagsIn(folder))],
    ready: '/health',
  })
  return startProgram(pathOf(program), prepare)
}

/** What vmalert complains about these rules; nothing: it accepts them. */
export async function dryRun(rules: readonly object[]): Promise<string> {
  const named = rules.map((rule, at) => ({ alert: `Alert${at}`, ...rule }))
  const folder = await mkdtemp(join(tmpdir(), 'vmalert-'))
  try {
    const file = join(folder, 'rules.yml')
    await writeFile(file, JSON.stringify({ groups: [{ name: 'all', rules: named }] }))
    const needed = ['-datasource.url=http://127.0.0.1:9', '-notifier.blackhole']
    await promisify(execFile)(pathOf('vmalert'), ['-dryRun', `-rule=${file}`, ...needed])
    return ''
  } catch (error) {
    return (error as { stderr?: string }).stderr || String(error)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The flags of a command in docs/PROMETHEUS.md, with other addresses and intervals. */
export function documentedFlags(
  program: VictoriaProgram,
  moved: Readonly<Record<string, string>>,
): readonly string[] {
  const commands = blocksOf('docs/PROMETHEUS.md').flatMap(({ text }) =>
    text.replaceAll(/\\\n\s*/g, '').split('\n'),
  )
  const command = commands.find((line) => line.startsWith(`${program} `))!
  const text = Object.entries(moved).reduce((all, [from, to]) => all.replaceAll(from, to), command)
  return text.split(' ').slice(1)
}
