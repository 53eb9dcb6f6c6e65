// The stand-in for statsd_exporter as a program: its ports, and the buckets of its mapping file.

import { readFileSync } from 'node:fs'
import { startStatsd } from './statsd.ts'

const [, file] = process.argv.find((word) => word.startsWith('--statsd.mapping-config=')).split('=')
const [, buckets] = /buckets: (\[.*\])/.exec(readFileSync(file, 'utf8'))
await startStatsd('0.0.0.0', 9102, JSON.parse(buckets), 9125)
