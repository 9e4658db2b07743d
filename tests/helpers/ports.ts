/** Ports for tests. */
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'

/** Listens on a port that was free; it answers every request with 204. */
export const listen = (host = '127.0.0.1'): Promise<{ server: Server; port: number }> =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'))
    server.listen(0, host, () => resolve({ server, port: (server.address() as AddressInfo).port }))
  })

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const { server, port } = await listen()
  return new Promise((resolve) => server.close(() => resolve(port)))
}

/** The settings of a stack whose ports are free. */
export async function freePorts(): Promise<Record<string, string>> {
  const [web, flower, storage] = await Promise.all([freePort(), freePort(), freePort()])
  return { WEB_PORT: String(web), FLOWER_PORT: String(flower), STORAGE_PORT: String(storage) }
}
