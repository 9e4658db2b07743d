// The page works without this file. With it, a submission keeps the page, and progress is live.

const byId = (id) => document.getElementById(id)
const list = byId("stories")

// Bring the card of a story up to date; make it when it is new.
function show(story) {
  let card = byId(story.id)
  if (!card) {
    card = byId("card").content.firstElementChild.cloneNode(true)
    card.id = story.id
    card.querySelector("h3").textContent = story.title
    card.querySelector("progress").ariaLabel = `Progress of “${story.title}”`
    card.querySelector("audio").ariaLabel = `“${story.title}”`
    list.prepend(card)
  }
  const before = card.dataset.status
  card.dataset.status = story.status
  card.querySelector(".status").textContent =
    story.status === "narrating" ? `narrating, ${story.progress} %` : story.status
  card.querySelector("progress").value = story.progress
  card.querySelector(".error").textContent = story.error ?? ""
  const audio = card.querySelector("audio")
  // Each state brings a freshly signed link; a player that has one keeps it and goes on playing.
  if (story.audio_url && !audio.src) audio.src = story.audio_url
  // Read out the end of a story, not each percent.
  if (before !== story.status && story.status === "done") tell(`“${story.title}” is ready to hear.`)
  if (before !== story.status && story.status === "failed") tell(`“${story.title}” failed.`)
}

function tell(news) {
  byId("news").textContent = news
}

// One stream for all stories: browsers allow six connections to a server, and each holds a thread.
// It begins with the newest stories as they are, so nothing is missed while it was away.
function listen() {
  const events = new EventSource(list.dataset.events)
  events.onmessage = (event) => show(JSON.parse(event.data))
  events.onerror = () => {
    // After a cut the browser comes back by itself, but not after an error status.
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000)
  }
}

async function submit(event) {
  event.preventDefault()
  const form = event.target
  const button = form.querySelector("button")
  const { title, text } = Object.fromEntries(new FormData(form))
  button.disabled = true
  try {
    const response = await fetch(form.dataset.api, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ title, text }),
    })
    const answer = await response.json()
    byId("problem").textContent = answer.error ?? ""
    if (!response.ok) return // what was typed stays in the form
    // The first event of a quick worker may have been faster than this answer.
    if (!byId(answer.id)) {
      show({ id: answer.id, title, status: "queued", progress: 0 })
      tell(`“${title}” is in the queue.`)
    }
    form.reset()
    byId("title").focus()
  } catch {
    byId("problem").textContent = "The server cannot be reached: try again in a moment."
  } finally {
    button.disabled = false
  }
}

async function watchStatus() {
  try {
    const response = await fetch(byId("status").dataset.status)
    if (!response.ok) throw new Error(response.statusText)
    for (const [name, { alive, seconds_ago }] of Object.entries(await response.json())) {
      mark(name, alive, seconds_ago === null ? "not seen yet" : alive ? `alive, ${seconds_ago} s ago` : `silent for ${seconds_ago} s`)
    }
  } catch {
    for (const name of ["worker", "beat"]) mark(name, false, "unknown")
  }
}

function mark(name, alive, words) {
  byId(name).dataset.alive = alive ? "yes" : "no"
  byId(name).querySelector("span").textContent = words
}

byId("form").addEventListener("submit", submit)
listen()
setInterval(watchStatus, 5000)
