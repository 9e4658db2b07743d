import { ask, problemOf } from '../lib.js'

// The list is as old as the request.
export const dynamic = 'force-dynamic'

export default async function Page({ searchParams }) {
  const { problem } = await searchParams
  const response = await ask('/api/jobs')
  const jobs = response.ok ? await response.json() : []
  const sentence = problem ?? (response.ok ? null : await problemOf(response))
  return (
    <>
      <h1>What do you want to know?</h1>
      {sentence && <p className="problem" role="alert">{sentence}</p>}
      {/* A form of HTML: it works before any script has come, and without one. */}
      <form action="/jobs" method="post" encType="multipart/form-data">
        <label>
          Question
          <input name="question" required minLength={3} maxLength={500} />
        </label>
        <label>
          Documents, as text files
          <input name="documents" type="file" accept=".txt,.md,text/plain,text/markdown" multiple required />
        </label>
        <button>Read them</button>
      </form>
      {jobs.length > 0 && <h2>Before</h2>}
      <ul>
        {jobs.map(({ id, question, status }) => (
          <li key={id}>
            <a href={`/jobs/${id}`}>{question}</a> <small>{status}</small>
          </li>
        ))}
      </ul>
    </>
  )
}
