import { ask, type Batch } from './api'

const RETRY_MS = 3000

/**
 * Calls back with every batch that has changed, for as long as the page is open. A server that has no stream left
 * for this browser, or is away, is asked every few seconds, until there is one.
 */
export function watch(changed: (batches: Batch[]) => void, live: (how: boolean) => void): void {
  const events = new EventSource('/api/events')
  events.addEventListener('batches', (event) => {
    live(true)
    changed(JSON.parse(event.data) as Batch[])
  })
  events.addEventListener('batch', (event) => changed([JSON.parse(event.data) as Batch]))
  events.addEventListener('error', () => {
    live(false)
    // After a cut the browser comes back by itself, but not after an error status.
    if (events.readyState !== EventSource.CLOSED) return
    ask<Batch[]>('/api/batches').then(changed, () => undefined)
    setTimeout(() => watch(changed, live), RETRY_MS)
  })
}
