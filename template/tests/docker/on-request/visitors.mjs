// node visitors.mjs URL FILE: visitors who ask for pages, one who hands in a story every second, and some who send nothing
// useful whenever gunicorn is about to close an idle connection, until TERM. Then FILE has what they met, as JSON.
import { writeFileSync } from 'node:fs'

const [, , url, file] = process.argv
const met = { requests: 0, failed: [], slowest: 0, gap: 0, stories: [] }
let goesOn = true
let lastGood = Date.now()
process.on('SIGTERM', () => (goesOn = false))

async function ask(path, options) {
  const begun = Date.now()
  met.requests++
  try {
    const response = await fetch(url + path, { ...options, signal: AbortSignal.timeout(40_000) })
    const text = await response.text()
    if (!response.ok && response.status !== options?.expected) throw new Error(`${response.status} ${text.slice(0, 80)}`)
    met.gap = Math.max(met.gap, Date.now() - lastGood)
    lastGood = Date.now()
    return text
  } catch (error) {
    met.failed.push(`${new Date(begun).toISOString()} ${options?.method ?? 'GET'} ${path}: ${error.cause?.code ?? error.message}`)
    return undefined
  } finally {
    met.slowest = Math.max(met.slowest, Date.now() - begun)
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function reader() {
  while (goesOn) {
    await ask('/healthz')
    await pause(50)
  }
}

async function writer() {
  while (goesOn) {
    const body = JSON.stringify({ title: `Story ${met.stories.length}`, text: 'They were surely sour.' })
    const answer = await ask('/api/stories', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    if (answer) met.stories.push(JSON.parse(answer).id)
    await pause(1000)
  }
}

async function latecomer() {
  while (goesOn) {
    await ask('/api/stories', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}', expected: 400 })
    await pause(1990 + Math.random() * 30)
  }
}

await Promise.all([...Array.from({ length: 4 }, reader), ...Array.from({ length: 8 }, latecomer), writer()])
writeFileSync(file, JSON.stringify(met))
