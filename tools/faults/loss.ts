// Packets of one port of loopback that get lost. Only inside the tool's own network (own-network.ts).

import { execFileSync } from 'node:child_process'

export async function lossOn(port: number, share: number): Promise<Disposable> {
  const rules = ['--dport', '--sport'].map((side) => [
    ...['INPUT', '--in-interface', 'lo', '--protocol', 'tcp', side, `${port}`],
    ...['--match', 'statistic', '--mode', 'random', '--probability', `${share}`, '--jump', 'DROP'],
  ])
  for (const rule of rules) execFileSync('iptables', ['--append', ...rule])
  return {
    [Symbol.dispose]() {
      for (const rule of rules) execFileSync('iptables', ['--delete', ...rule])
    },
  }
}
