/** The API as this server reaches it. Browsers never see the address: they ask this server. */

/** @throws Error when API_URL is not set. Read at each request, so that one build runs everywhere. */
function address(path) {
  const base = process.env.API_URL
  if (!base) throw new Error('API_URL is not set: where is the API?')
  return new URL(path, base)
}

/** Asks the API. Never throws: an API that is away is an answer with status 502. */
export async function ask(path, options = {}) {
  try {
    return await fetch(address(path), { cache: 'no-store', signal: AbortSignal.timeout(60_000), ...options })
  } catch (error) {
    console.error(`frontend: ${path}: ${error.message}`, error.cause?.message ?? '')
    return Response.json({ detail: 'The API does not answer. Try again later.' }, { status: 502 })
  }
}

/** What the API says of a mistake, as a sentence. */
export async function problemOf(response) {
  const { detail } = await response.json().catch(() => ({}))
  if (typeof detail === 'string') return detail
  // A field that is missing or wrong: FastAPI names it.
  if (Array.isArray(detail)) return detail.map(({ loc, msg }) => `${loc?.at(-1)}: ${msg}`).join('; ')
  return `The API answered ${response.status}.`
}

/** Is there anything left to wait for? */
export const isUnderWay = ({ status }) => status === 'queued' || status === 'working'
