import { notFound } from 'next/navigation'
import { ask, isUnderWay, problemOf } from '../../../lib.js'
import { Refresh } from './refresh.jsx'

function Briefing({ id, briefing }) {
  return (
    <>
      <p className="answer">{briefing.answer}</p>
      <h2>Sources</h2>
      <ol>
        {briefing.sources.map(({ document, sentence, text }) => (
          <li key={`${document} ${sentence}`}>
            {text} <small>{document}, sentence {sentence}</small>
          </li>
        ))}
      </ol>
      <h2>The documents as a whole</h2>
      <ul>{briefing.summary.map((text) => <li key={text}>{text}</li>)}</ul>
      <p><small>{briefing.sentences} sentences read · answered by {briefing.model} · {briefing.keywords.join(', ')}</small></p>
      <p><a href={`/jobs/${id}/report`}>The report as a file</a></p>
    </>
  )
}

export default async function Page({ params }) {
  const { id } = await params
  const response = await ask(`/api/jobs/${encodeURIComponent(id)}`)
  if (response.status === 404) notFound()
  if (!response.ok) {
    // Shown until the API is back, and asked again.
    return <><Refresh /><p className="problem" role="alert">{await problemOf(response)}</p></>
  }
  const job = await response.json()
  return (
    <>
      <h1>{job.question}</h1>
      {isUnderWay(job) && (
        <p aria-live="polite">
          <Refresh />
          <progress max="100" value={job.progress} /> {job.stage}, {job.progress} %
        </p>
      )}
      {job.status === 'failed' && <p className="problem" role="alert">{job.error}</p>}
      {job.status === 'done' && <Briefing id={job.id} briefing={job.briefing} />}
    </>
  )
}
