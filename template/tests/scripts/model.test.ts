import { describe, expect, test } from 'vitest'
import { foreignImages, parseModel, publishedPorts, urls } from '../../../scripts/lib/compose/model.ts'
import type { Model, Port, Service } from '../../../scripts/lib/compose/model.ts'

const withPorts = (ports: Port[]): Model => ({ name: 'shop', services: { web: { ports } } })

describe('the images that have to come from somewhere', () => {
  const app: Service = { image: 'shop-app:dev', build: { args: { PYTHON_IMAGE: 'python:3.13', FRONTEND: 'none', NODE_IMAGE: 'node:24' } } }

  test.each<[string, Record<string, Service>, string[]]>([
    ['those of services, each once and in order', { b: { image: 'z' }, a: { image: 'a' }, c: { image: 'z' } }, ['a', 'z']],
    ['not the one that is built here, whoever uses it', { migrate: app, web: { image: 'shop-app:dev' } }, ['python:3.13']],
    [
      'the image of the frontend, where one is built',
      { migrate: { ...app, build: { args: { ...app.build?.args, FRONTEND: 'build' } } } },
      ['node:24', 'python:3.13'],
    ],
    [
      'the image of a frontend that is a server itself, and not of a Python that it does not have',
      { frontend: { image: 'shop-frontend', build: { target: 'frontend-server', args: { NODE_IMAGE: 'node:24' } } } },
      ['node:24'],
    ],
    ['nothing of a build without arguments', { migrate: { image: 'x', build: {} }, tool: {} }, []],
    ['nothing of an argument without a value', { migrate: { image: 'x', build: { args: { PYTHON_IMAGE: null } } } }, []],
  ])('are %s', (_, services, expected) => {
    expect(foreignImages({ name: 'shop', services })).toEqual(expected)
  })
})

describe('published ports', () => {
  test.each<[string, Port, object]>([
    ['on one address', { host_ip: '127.0.0.1', published: '8000', target: 80 }, { address: '127.0.0.1', port: 8000, isRange: false, target: 80 }],
    ['on every address', { published: '8000', target: 80 }, { address: '0.0.0.0', port: 8000, isRange: false, target: 80 }],
    ['as a range, by its first', { published: '8000-8009', target: 80 }, { address: '0.0.0.0', port: 8000, isRange: true, target: 80 }],
  ])('%s', (_, port, expected) => {
    expect(publishedPorts(withPorts([port]))).toEqual([{ service: 'web', ...expected }])
  })

  test('are those for TCP alone', () => {
    const ports = [{ published: '443', target: 443, protocol: 'tcp' }, { published: '443', target: 443, protocol: 'udp' }]
    expect(publishedPorts(withPorts(ports))).toHaveLength(1)
  })

  test('are none where Docker chooses the port, and none of a service without ports', () => {
    expect(publishedPorts({ name: 'shop', services: { web: { ports: [{ target: 80 }, { published: '', target: 81 }] }, db: {} } })).toEqual([])
  })
})

describe('the address for a browser', () => {
  test.each([
    ['127.0.0.1', 'http://localhost:8000'],
    ['0.0.0.0', 'http://localhost:8000'],
    ['::', 'http://localhost:8000'],
    ['::1', 'http://localhost:8000'],
    ['192.168.1.5', 'http://192.168.1.5:8000'],
    ['fd00::5', 'http://[fd00::5]:8000'],
  ])('of a port on %s is %s', (address, expected) => {
    expect(urls(withPorts([{ host_ip: address, published: '8000', target: 80 }]))).toEqual({ web: expected })
  })

  test.each([
    [':80', 'http://localhost:8080'],
    ['shop.example', 'https://shop.example'],
    ['http://shop.example', 'http://shop.example:8080'],
    ['http://shop.example:8000', 'http://shop.example:8000'],
    ['shop.example, www.shop.example', 'https://shop.example'],
  ])('of a proxy for %s is %s', (address, expected) => {
    const proxy = { ports: [{ published: '8080', target: 80 }], environment: { SITE_ADDRESS: address } }
    expect(urls({ name: 'shop', services: { proxy } })).toEqual({ proxy: expected })
    expect(urls({ name: 'shop', services: { proxy: { environment: proxy.environment } } }), 'that is not published').toEqual({})
  })

  test('of a proxy whose TLS port is another one has that port', () => {
    const proxy = { ports: [{ published: '8080', target: 80 }, { published: '8443', target: 443 }], environment: { SITE_ADDRESS: 'localhost' } }
    expect(urls({ name: 'shop', services: { proxy } })).toEqual({ proxy: 'https://localhost:8443' })
  })

  test('is that of the first port, and of the first in a range', () => {
    const ports = [{ published: '8000-8009', target: 8000 }, { published: '5678', target: 5678 }]
    expect(urls(withPorts(ports))).toEqual({ web: 'http://localhost:8000' })
  })

  test('is there for every service with a port', () => {
    const services = { web: { ports: [{ published: '1', target: 1 }] }, db: {}, flower: { ports: [{ published: '2', target: 2 }] } }
    expect(urls({ name: 'shop', services })).toEqual({ web: 'http://localhost:1', flower: 'http://localhost:2' })
  })
})

test('the answer of Compose is read as it is', () => {
  expect(parseModel('{"name":"shop","services":{"web":{"image":"x"}}}')).toEqual({ name: 'shop', services: { web: { image: 'x' } } })
  expect(parseModel('{"name":"$$a $$$$","services":{}}').name).toBe('$a $$')
})
