import { expect, test } from 'vitest'
import { anyPorts, filesOf, outsideHosts, withValues } from '../../../scripts/lib/contract.ts'

test.each([
  ['where it stands', 'A=1\nB=${A}\n', { A: '2' }, 'A=2\nB=${A}\n'],
  ['at the end, where it does not stand', 'A=1', { B: '' }, 'A=1\nB=\n'],
  ['not in a comment', '# A=1\n', { A: '2' }, '# A=1\nA=2\n'],
  ['as it is, whatever is in it', 'A=1\n', { A: '$& $1' }, 'A=$& $1\n'],
  ['in every line that sets it', 'export A=1\nA = 2\n', { A: '3' }, 'A=3\nA=3\n'],
])('a setting gets another value %s', (_, text, values, expected) => {
  expect(withValues(text, values)).toBe(expected)
})

test.each([
  ['development', 'compose.yaml:compose.override.yaml', ['compose.yaml', 'compose.override.yaml']],
  ['production', 'compose.yaml:compose.override.yaml:mail.yaml', ['compose.yaml', 'compose.production.yaml', 'mail.yaml']],
  ['development', 'compose.yaml:compose.production.yaml:extras/offline/compose.yaml', ['compose.yaml', 'compose.override.yaml', 'extras/offline/compose.yaml']],
  ['production', '', ['compose.yaml', 'compose.production.yaml']],
] as const)('the files of %s for %s', (lane, chosen, files) => {
  expect(filesOf(lane, chosen)).toEqual(files)
})

test('a published port keeps its address and loses its number', () => {
  const ports = [{ host_ip: '127.0.0.1', target: 8000, published: '8080', protocol: 'tcp' }, { target: 53, published: '53', protocol: 'udp' }]
  expect(anyPorts({ name: 'shop', services: { web: { ports }, worker: {} } })).toBe(
    'services:\n  web: { ports: !override [{"host_ip":"127.0.0.1","target":8000,"protocol":"tcp"},{"target":53,"protocol":"udp"}] }\n',
  )
  expect(anyPorts({ name: 'shop', services: { worker: {} } })).toBe('services: {}\n')
})

test.each([
  ['a service', 'redis://:word@redis:6379/0', []],
  ['an alias of one', 'postgresql+psycopg://me:p%40ss@db:5432/shop', []],
  ['a file', 'sqlite:////data/shop.db', []],
  ['no database', 'https://example.org/', []],
  ['a database elsewhere', 'postgresql://me:word@db.example.org/shop', ['db.example.org']],
  ['a broker elsewhere', 'rediss://queue.example.org:6380', ['queue.example.org']],
])('the tests would write outside of the stack: %s', (_, url, hosts) => {
  const postgres = { networks: { data: { aliases: ['db'] } } }
  expect(outsideHosts({ name: 'shop', services: { web: { environment: { URL: url, EMPTY: null } }, postgres, redis: {} } })).toEqual(hosts)
})
