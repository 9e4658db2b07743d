// Asks the API once a second while something is under way, and every ten seconds otherwise.
const form = document.querySelector('#upload')
const problem = document.querySelector('#problem')
const list = document.querySelector('#episodes')
const template = document.querySelector('#episode')
let timer

function show(episode) {
  const id = `episode-${episode.id}`
  let article = document.getElementById(id)
  if (!article) {
    article = template.content.cloneNode(true).querySelector('article')
    article.id = id
    list.prepend(article)
  }
  if (article.dataset.updated === episode.updated_at + episode.status) return
  article.dataset.updated = episode.updated_at + episode.status
  article.querySelector('h2').textContent = episode.name
  const status = article.querySelector('.status')
  status.className = `status ${episode.status}`
  status.textContent = episode.error ?? episode.status
  article.querySelector('ol').replaceChildren(...episode.steps.map((step) => {
    const item = document.createElement('li')
    item.className = step.status
    item.textContent = step.status === 'running' ? `${step.name} ${step.percent} %` : step.name
    return item
  }))
  article.querySelector('.result').hidden = episode.status !== 'done'
  if (episode.status !== 'done') return
  article.querySelector('img').src = episode.files['waveform.png']
  article.querySelector('audio').src = episode.files['episode.mp3']
  article.querySelector('a').href = episode.files['report.json']
}

async function refresh() {
  clearTimeout(timer)
  let busy = false
  try {
    const episodes = await (await fetch('api/episodes')).json()
    for (const episode of episodes.reverse()) show(episode)
    busy = episodes.some(({ status }) => status === 'queued' || status === 'processing')
  } catch {
    busy = true // the server is away: it may be back in a second
  }
  timer = setTimeout(refresh, busy ? 1000 : 10_000)
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  problem.textContent = ''
  const button = form.querySelector('button')
  button.disabled = true
  try {
    const answer = await fetch('api/episodes', { method: 'POST', body: new FormData(form) })
    if (answer.ok) form.reset()
    else problem.textContent = (await answer.json()).error
  } catch {
    problem.textContent = 'The upload was cut off: try again.'
  }
  button.disabled = false
  await refresh()
})

await refresh()
