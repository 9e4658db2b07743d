// Many browsers look at the dashboard while a batch is processed, and another client uses the API all the time.
// Prints as one JSON object what the browsers have seen.
//
//   tsx template/tests/docker/browsers.ts http://127.0.0.1:8004 60 readings.csv

import { readFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'

interface Batch {
  id: string
  status: string
  rows_done: number
}

const PATIENCE_MS = 120_000

/** One browser: a connection of its own that stays open. */
class Browser {
  greeted = false
  /** What it saw of each batch, in order. */
  readonly seen = new Map<string, Batch[]>()
  problem = ''
  #text = ''
  #response: IncomingMessage | undefined

  constructor(url: string) {
    const request = get(`${url}/api/events`, { agent: false }, (response) => {
      this.#response = response
      if (response.statusCode !== 200) this.problem = `status ${response.statusCode}`
      response.setEncoding('utf8').on('data', (text: string) => this.#read(text))
      response.on('close', () => (this.problem ||= 'closed'))
    })
    request.on('error', (error) => (this.problem ||= error.message))
  }

  #read(text: string) {
    const blocks = (this.#text + text).split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
      if (name === 'batches') this.greeted = true
      if (name === 'batch') this.#note(JSON.parse(data ?? '') as Batch)
    }
  }

  #note(batch: Batch) {
    this.seen.set(batch.id, [...(this.seen.get(batch.id) ?? []), batch])
  }

  /** Whether it has seen the end of the batch. */
  sawEnd(id: string) {
    return this.seen.get(id)?.at(-1)?.status === 'done'
  }

  close() {
    this.#response?.destroy()
  }
}

async function until(condition: () => boolean, what: () => string) {
  const end = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > end) throw new Error(`gave up waiting: ${what()}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

async function upload(url: string, file: string) {
  const form = new FormData()
  form.append('file', new Blob([await readFile(file)]), 'readings.csv')
  const answer = await fetch(`${url}/api/batches`, { method: 'POST', body: form })
  return ((await answer.json()) as { id: string }).id
}

/** Milliseconds that an answer took, on a new connection. */
function ask(url: string): Promise<number> {
  const begin = performance.now()
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} answers ${response.statusCode}`))
      response.resume().on('end', () => resolve(performance.now() - begin))
    }).on('error', reject)
  })
}

const [url = '', count = '', file = ''] = process.argv.slice(2)
const browsers = Array.from({ length: Number(count) }, () => new Browser(url))
const problems = () => [...new Set(browsers.map((browser) => browser.problem).filter(Boolean))].join(', ')
await until(
  () => browsers.every((browser) => browser.greeted || browser.problem),
  () => `${browsers.filter((browser) => browser.greeted).length} of ${count} browsers are connected`,
)
const begin = performance.now()
const id = await upload(url, file)
const answers: number[] = []
const ending = new AbortController()
const visitor = (async () => {
  for (const path of [`/api/batches/${id}`, '/api/sensors', '/healthz']) answers.push(await ask(url + path))
  while (!ending.signal.aborted) answers.push(await ask(`${url}/api/batches/${id}`))
})()
await until(
  () => browsers.every((browser) => browser.sawEnd(id) || browser.problem),
  () => `${browsers.filter((browser) => browser.sawEnd(id)).length} of ${count} browsers saw the end`,
)
ending.abort()
await visitor
answers.sort((a, b) => a - b)
const steps = browsers.map((browser) => new Set(browser.seen.get(id)?.map((batch) => batch.rows_done)).size)
console.log(
  JSON.stringify({
    id,
    connected: browsers.filter((browser) => browser.greeted).length,
    sawEnd: browsers.filter((browser) => browser.sawEnd(id)).length,
    fewestSteps: Math.min(...steps),
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    answers: answers.length,
    medianMs: Math.round(answers[answers.length >> 1] ?? 0),
    slowestMs: Math.round(answers.at(-1) ?? 0),
    problems: problems(),
  }),
)
for (const browser of browsers) browser.close()
