// Generates the parts of the documentation that come from the code. `--check` only reports what is out of date.

import { readFileSync, writeFileSync } from 'node:fs'
import { allOptions } from '../src/config/options.ts'

/** What each generated file must say. */
const files: Readonly<Record<string, () => string>> = {
  'docs/CONFIGURATION.md': configuration,
}

export function outdated(): string[] {
  return Object.entries(files)
    .filter(([file, make]) => readOrNothing(file) !== make())
    .map(([file]) => file)
}

function configuration(): string {
  const rows = allOptions.map(
    ({ name, default: fallback, example, description }) =>
      `| \`${name}\` | ${fallback ? `\`${fallback}\`` : ''} | \`${example}\` | ${description} |`,
  )
  return `# Configuration

Environment variables only. All errors are reported at once, and the agent exits with code 2. Durations have
units (\`10s\`, \`1m30s\`, \`500ms\`); a bare number is seconds. Quotes around a value are stripped, since Compose's
list form keeps them; an empty value counts as unset; a variable that looks like a misspelt one of these gets a
warning. \`app-metrics-proxy config\` prints the effective values and where each comes from, secrets hidden. Made from the table in \`src/config/options.ts\` by \`npm run docs\`.

| variable | default | example | what it does |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.main) {
  const wrong = outdated()
  if (process.argv.includes('--check') && wrong.length > 0) {
    console.error(`${wrong.join(', ')}: not what the code says; run: npm run docs`)
    process.exitCode = 1
  } else for (const file of wrong) writeFileSync(file, files[file]!())
}
