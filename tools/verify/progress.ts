// A line a check, when it has ended. On a terminal, the last line shows what runs, and for how long it has.

import { clearLine, cursorTo } from 'node:readline'

export function createProgress() {
  const startedAt = new Map<string, number>()
  const seconds = (name: string) => (performance.now() - startedAt.get(name)!) / 1000
  const { stdout } = process
  const erase = () => stdout.isTTY && cursorTo(stdout, 0) && clearLine(stdout, 0)
  const show = () => {
    erase()
    stdout.write([...startedAt.keys()].map((name) => `${name} … ${seconds(name).toFixed(0)} s`).join(', '))
  }
  let ticking: NodeJS.Timeout | undefined
  return {
    start(name: string) {
      startedAt.set(name, performance.now())
      if (stdout.isTTY) ticking ??= setInterval(show, 1000)
    },
    end(name: string, outcome: string) {
      erase()
      console.log(`${name.padEnd(14)} ${outcome.padEnd(34)} ${`${seconds(name).toFixed(1)} s`.padStart(8)}`)
      startedAt.delete(name)
      if (startedAt.size > 0) return
      clearInterval(ticking)
      ticking = undefined
    },
  }
}
