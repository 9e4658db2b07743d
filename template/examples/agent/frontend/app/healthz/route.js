/** This server answers. It does not ask the API, which has a check of its own. */
export const GET = () => Response.json({ status: 'ok' })
