import { expect, test } from 'vitest'
import { advertisedBy, doubtsAbout } from '../../src/discover/advertise.ts'

test.each([
  ['dev.example.org:2137', '10.0.0.1', 'dev.example.org:2137'],
  [undefined, '10.0.0.1', '10.0.0.1:2137'],
  [undefined, 'fd00::1', '[fd00::1]:2137'],
  [undefined, undefined, 'node1:2137'],
])('ADVERTISE=%s on a node with the address %s', (advertise, address, expected) => {
  const node = { hostname: 'node1', ...(address === undefined ? {} : { address }) }
  expect(advertisedBy({ advertise, listenPort: 2137 }, node)).toBe(expected)
})

test.each([
  '127.0.0.1:1',
  '[::1]:1',
  'localhost:1',
  '0.0.0.0:1',
  '169.254.1.1:1',
  '[fe80::1]:1',
  '172.17.0.2:1',
  '0123456789ab:1',
])('%s can hardly be reached from outside', (address) => expect(doubtsAbout(address)).toBeDefined())

test.each(['10.0.0.1:2137', '[2001:db8::1]:2137', 'dev.example.org:443', '192.168.1.5:2137', 'node1:2137'])(
  'nothing speaks against %s',
  (address) => expect(doubtsAbout(address)).toBeUndefined(),
)
