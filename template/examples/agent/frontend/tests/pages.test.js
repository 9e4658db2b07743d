// The built server against an API of the test's own: npm run build && npm test
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

const asked = []
let answer = () => [200, []]

const api = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString()
  asked.push(`${request.method} ${request.url}`)
  const [status, content] = answer(request, body)
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(content))
})

let server
let site

/** A port that nobody listens on now. */
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

before(async () => {
  api.listen(0, '127.0.0.1')
  await once(api, 'listening')
  const port = await freePort()
  site = `http://127.0.0.1:${port}`
  const env = { ...process.env, PORT: String(port), HOSTNAME: '127.0.0.1', API_URL: `http://127.0.0.1:${api.address().port}` }
  server = spawn(process.execPath, ['.next/standalone/server.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const text of server.stdout) if (String(text).includes('Ready')) break
})

after(async () => {
  server.kill('SIGTERM')
  await once(server, 'exit')
  api.close()
})

const job = { id: 'abc', question: 'Who <b>built</b> it?', status: 'working', stage: 'ranking', progress: 40, briefing: null, error: null }
const briefing = {
  answer: 'Helena Marsh built it. [a.txt, 3]', model: 'local', sentences: 9, keywords: ['tower'], summary: ['It stands.'],
  sources: [{ document: 'a.txt', sentence: 3, text: 'Helena Marsh built it.', score: 0.5 }],
}

const page = async (path) => {
  const response = await fetch(site + path)
  return [response.status, await response.text()]
}

test('a form is handed on as it came, and leads to the page of the job', async () => {
  let handed = ''
  answer = (_, body) => { handed = body; return [202, { job: 'abc' }] }
  const form = new FormData()
  form.append('question', 'Who built it?')
  form.append('documents', new Blob(['Helena Marsh built it.']), 'a.txt')
  const response = await fetch(`${site}/jobs`, { method: 'POST', body: form, redirect: 'manual' })
  assert.deepEqual([response.status, response.headers.get('location')], [303, '/jobs/abc'])
  assert.match(handed, /name="documents"; filename="a.txt"[^]*Helena Marsh built it\./)
})

test('what the API refuses is said on the page of the form', async () => {
  answer = () => [422, { detail: 'a.txt is no text in UTF-8.' }]
  const response = await fetch(`${site}/jobs`, { method: 'POST', body: new FormData(), redirect: 'manual' })
  answer = () => [200, []]
  const [, text] = await page(response.headers.get('location'))
  assert.match(text, /role="alert">a\.txt is no text in UTF-8\./)
})

test('the page of a job under way has its progress, and no text of a visitor as HTML', async () => {
  answer = () => [200, job]
  const [status, text] = await page('/jobs/abc')
  assert.equal(status, 200)
  assert.match(text, /<progress max="100" value="40"/)
  assert.match(text, /Who &lt;b&gt;built/)
  assert.ok(!text.includes('<b>built'))
})

test('the page of a job that is done has the answer in its HTML', async () => {
  answer = () => [200, { ...job, status: 'done', progress: 100, briefing }]
  const [, text] = await page('/jobs/abc')
  assert.match(text, /class="answer">Helena Marsh built it\. \[a\.txt, 3\]/)
  assert.ok(!text.includes('<progress'))
})

test('an unknown job is a 404, and an API that fails is a sentence', async () => {
  answer = () => [404, { detail: 'There is no such job.' }]
  assert.equal((await page('/jobs/none'))[0], 404)
  answer = () => [503, { detail: 'The database is not available.' }]
  assert.match((await page('/jobs/abc'))[1], /The database is not available\./)
})

test('the health check does not ask the API', async () => {
  asked.length = 0
  assert.equal((await page('/healthz'))[0], 200)
  assert.deepEqual(asked, [])
})
