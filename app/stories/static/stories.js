// The page works without this file. With it, a submission keeps the page, and progress is live.

const byId = (id) => document.getElementById(id)
const list = byId("stories")
const [title, text] = [byId("title"), byId("text")]

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
  const audio = card.querySelector("audio")
  // Each state brings a freshly signed link; a player that has one keeps it and goes on playing.
  if (story.audio_url && !audio.src) audio.src = story.audio_url
  explain(card, story.error)
  // Read out the end of a story, not each percent.
  if (before !== story.status && story.status === "done") tell(`“${story.title}” is ready to hear.`)
  if (before !== story.status && story.status === "failed") tell(`“${story.title}” failed: ${story.error}`)
}

// Say what is wrong with a story, or with its recording.
function explain(card, error) {
  const audio = card.querySelector("audio")
  const unloadable = audio.error &&
    `The recording cannot be loaded from ${new URL(audio.src).origin}: reload the page. If that does ` +
    "not help, S3_PUBLIC_URL is not the address at which this browser reaches the store."
  card.querySelector(".error").textContent = error ?? unloadable ?? ""
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
  if (button.ariaDisabled === "true") return
  button.ariaDisabled = "true" // "disabled" would take the keyboard's focus away
  const sent = { title: title.value, text: text.value }
  try {
    const response = await fetch(form.dataset.api, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(sent),
    })
    const answer = await response.json()
    refuse(answer.error ?? "")
    if (!response.ok) return // what was typed stays in the form
    // The first event of a quick worker may have been faster than this answer.
    if (!byId(answer.id)) {
      show({ id: answer.id, title: sent.title, status: "queued", progress: 0 })
      tell(`“${sent.title}” is in the queue.`)
    }
    // What was typed while the story was on its way belongs to the next one.
    if (title.value === sent.title) title.value = ""
    if (text.value === sent.text) text.value = ""
    title.focus()
  } catch {
    refuse("The server cannot be reached: try again in a moment.")
  } finally {
    button.ariaDisabled = "false"
  }
}

// Say why a story was not taken, and go to the field that is to blame, if it is an empty one.
function refuse(sentence) {
  byId("problem").textContent = sentence
  const empty = [title, text].find((field) => sentence && !field.value.trim())
  for (const field of [title, text]) field.ariaInvalid = String(field === empty)
  if (empty) empty.focus()
  else if (sentence) byId("problem").scrollIntoView({ block: "nearest" })
}

async function watchStatus() {
  try {
    const response = await fetch(byId("status").dataset.status)
    if (!response.ok) throw new Error(response.statusText)
    for (const [name, part] of Object.entries(await response.json())) mark(name, part)
  } catch {
    for (const name of ["queue", "worker", "beat"]) mark(name, { alive: null, says: "unknown" })
  }
}

function mark(name, { alive, says }) {
  const words = byId(name).querySelector("span")
  byId(name).dataset.alive = alive
  // A change is read out, so nothing is written that was there.
  if (words.textContent !== says) words.textContent = says
}

byId("form").noValidate = true // the server refuses in words that are read out and stay
byId("form").addEventListener("submit", submit)
// "error" of a player does not bubble. One that was earlier than this shows with the first event.
list.addEventListener("error", (event) => explain(event.target.closest(".story")), true)
listen()
setInterval(watchStatus, 5000)
