// Counts its requests. With BROKEN it ends with exit code 3 a second after its start.

import { createServer } from 'node:http'

const { PORT = '8080', HOST = '0.0.0.0', BROKEN } = process.env
let requests = 0

const pages = {
  '/': () => 'welcome\n',
  '/metrics': () => `# TYPE web_requests_total counter\nweb_requests_total ${requests}\n`,
}

createServer((request, response) => {
  const page = pages[request.url]
  if (request.url === '/') requests++
  response.writeHead(page ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' }).end(page?.())
}).listen(Number(PORT), HOST)

if (BROKEN) setTimeout(() => process.exit(3), 1000)
