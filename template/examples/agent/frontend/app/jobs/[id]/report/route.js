import { ask } from '../../../../lib.js'

/** The report, as a file. */
export async function GET(_request, { params }) {
  const { id } = await params
  const response = await ask(`/api/jobs/${encodeURIComponent(id)}/report`)
  if (!response.ok) return response
  return new Response(response.body, {
    headers: { 'Content-Type': 'text/markdown; charset=utf-8', 'Content-Disposition': 'attachment; filename="report.md"' },
  })
}
