// A page like node_exporter's in size and make: 62 KB, about 1,100 lines, a good third of them comments.

const usual = 62_000

/** The page at the `round`-th scrape: as on a real node, about a fifth of the values have moved since the last. */
export function nodePage(round: number, bytes = usual): string {
  const lines: string[] = []
  let length = 0
  const add = (line: string) => {
    lines.push(line)
    length += line.length + 1
  }
  for (let family = 0; length < bytes; family += 1) {
    const name = `node_${subsystems[family % subsystems.length]}_${family}_${units[family % units.length]}`
    add(`# HELP ${name} What this node reports of number ${family}, as of now.`)
    add(`# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`)
    for (let n = 0; n < 1 + (family % 5); n += 1)
      add(`${name}{device="${device(n)}",mode="m${n}"} ${value(family, n, round)}`)
  }
  return `${lines.join('\n')}\n`
}

const subsystems = ['cpu', 'disk', 'filesystem', 'memory', 'network', 'netstat', 'vmstat', 'sockstat']
const units = ['seconds_total', 'bytes', 'reads_completed_total', 'info', 'packets_total', 'ratio']
const device = (n: number) => ['eth0', 'sda1', 'overlay', 'tmpfs', 'cpu3'][n]

function value(family: number, n: number, round: number): string {
  const moves = (family * 7 + n) % 5 === 0
  return (family * 12_345.678 + n * 1e6 + (moves ? round * 17.25 : 0)).toString()
}
