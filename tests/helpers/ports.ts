/** Ports for tests. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** The settings of a stack whose ports are free. */
export async function freePorts(): Promise<Record<string, string>> {
  const [web, flower, storage] = await Promise.all([freePort(), freePort(), freePort()])
  return { WEB_PORT: String(web), FLOWER_PORT: String(flower), STORAGE_PORT: String(storage) }
}
