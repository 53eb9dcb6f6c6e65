// Where the log goes: each line at once, to the standard output. A disk that is full, or a reader that went away,
// costs lines, never the agent.

import { writeSync } from 'node:fs'

const standardOutput = 1

/** What couldn't be written is counted, and told with the next line that can be. */
export function createLogStream(
  write: (line: string) => void = (line) => void writeSync(standardOutput, line),
): (line: string) => void {
  let lost = 0
  return (line) => {
    try {
      if (lost > 0) write(lossOf(lost))
      lost = 0
      write(line)
    } catch {
      lost += 1
    }
  }
}

function lossOf(lines: number): string {
  const time = new Date().toISOString()
  return `${JSON.stringify({ level: 40, time, lines, msg: 'lines of the log could not be written and are lost' })}\n`
}
