import { ask, problemOf } from '../../lib.js'

/** Hands a form in, as it came, and leads to the page of the job. */
export async function POST(request) {
  const response = await ask('/api/jobs', { method: 'POST', body: await request.formData() })
  const to = response.ok
    ? `/jobs/${encodeURIComponent((await response.json()).job)}`
    : `/?problem=${encodeURIComponent(await problemOf(response))}`
  // Without a host: only the browser knows by which one it came.
  return new Response(null, { status: 303, headers: { Location: to } })
}
