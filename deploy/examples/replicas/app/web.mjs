// Counts its requests. The memory of its process is on a second port. With BROKEN it ends with exit code 3 a second
// after its start.

import { createServer } from 'node:http'

const { PORT = '8080', PROCESS_PORT = '9400', HOST = '0.0.0.0', BROKEN } = process.env
let requests = 0

const pages = {
  '/': () => {
    requests++
    return 'welcome\n'
  },
  '/metrics': () => `# TYPE web_requests_total counter\nweb_requests_total ${requests}\n`,
}
const processPages = {
  '/metrics': () =>
    `# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ${process.memoryUsage.rss()}\n`,
}

const answerWith = (pages) => (request, response) => {
  const page = pages[request.url]
  response.writeHead(page ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' }).end(page?.())
}
createServer(answerWith(pages)).listen(Number(PORT), HOST)
createServer(answerWith(processPages)).listen(Number(PROCESS_PORT), HOST)

if (BROKEN) setTimeout(() => process.exit(3), 1000)
