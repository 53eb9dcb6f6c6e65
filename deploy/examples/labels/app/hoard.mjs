// Each request for /hoard allocates another 8 MiB, /release frees all of it.

import { createServer } from 'node:http'

const { PORT = '8000', HOST = '0.0.0.0' } = process.env
const size = 8 * 1024 * 1024
let held = []

const pages = {
  '/hoard': () => {
    held.push(Buffer.alloc(size, 1))
    return `${held.length * size}\n`
  },
  '/release': () => {
    held = []
    return '0\n'
  },
  '/metrics': () => `# TYPE hoard_held_bytes gauge\nhoard_held_bytes ${held.length * size}\n`,
}

createServer((request, response) => {
  const page = pages[request.url]
  response.writeHead(page ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' }).end(page?.())
}).listen(Number(PORT), HOST)
