// Counts its orders: one per second. If LOSES is set, every tenth is lost.

import { createServer } from 'node:http'

const { PORT = '8080', HOST = '0.0.0.0', LOSES = '' } = process.env
let all = 0
let lost = 0

setInterval(() => {
  all += 1
  if (LOSES && all % 10 === 0) lost += 1
}, 1000)

createServer((request, response) => {
  if (request.url !== '/metrics') return response.writeHead(404).end()
  response.setHeader('content-type', 'text/plain; version=0.0.4')
  response.end(
    `# TYPE shop_orders_total counter\nshop_orders_total ${all}\n# TYPE shop_orders_lost_total counter\nshop_orders_lost_total ${lost}\n`,
  )
}).listen(Number(PORT), HOST)
