"""The HTTP API. ``/docs`` is its page, ``/healthz`` says that this process answers."""

from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Path, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from transcripts import graph, jobs, tasks, textfile
from transcripts.extractors import EXTRACTORS

FILES_LIMIT = 200
BYTES_LIMIT = 4 * textfile.TEXT_LIMIT  # no character of UTF-8 takes more than four

app = FastAPI(title="Transcript graph", description=__doc__)

ChannelName = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
InChannel = Annotated[str, Query(description="The channel whose graph is asked")]


@app.exception_handler(graph.UnknownEntityError)
def unknown_entity(_request: Request, error: Exception) -> JSONResponse:
    """Says which name it was."""
    return JSONResponse({"detail": str(error)}, status_code=404)


@app.get("/", include_in_schema=False)
def root() -> RedirectResponse:
    """The page of the API is the only one."""
    return RedirectResponse("/docs")


@app.get("/healthz")
def health() -> dict[str, str]:
    """Says that this process answers. Asks neither the database nor Redis."""
    return {"status": "ok"}


def read(file: UploadFile) -> textfile.Transcript:
    """One file of a request, checked as far as that goes without reading it. Raises TextFileError."""
    name = file.filename or "A file"
    content = file.file.read(BYTES_LIMIT + 1)
    if len(content) > BYTES_LIMIT:
        raise textfile.TextFileError(f"{name} is larger than {BYTES_LIMIT} bytes. Hand it in as parts.")
    transcript = textfile.parse(name, content)
    if transcript.extractor not in EXTRACTORS:
        names = ", ".join(sorted(EXTRACTORS))
        raise textfile.TextFileError(
            f'{name}: there is no extractor "{transcript.extractor}". There are: {names}'
        )
    return transcript


@app.post("/api/channels/{name}/transcripts", status_code=202)
def submit(name: ChannelName, transcripts: list[UploadFile], response: Response) -> dict[str, str]:
    """Takes text files and queues the work. All of them are taken or none."""
    if len(transcripts) > FILES_LIMIT:
        raise HTTPException(422, f"{FILES_LIMIT} files are allowed at once, these are {len(transcripts)}.")
    try:
        parsed = [read(file) for file in transcripts]
    except textfile.TextFileError as error:
        raise HTTPException(422, str(error)) from error
    titles = [transcript.title for transcript in parsed]
    if twice := next((title for title in titles if titles.count(title) > 1), None):
        raise HTTPException(422, f'Two transcripts have the title "{twice}".')
    try:
        job = tasks.submit(name, parsed)
    except (OperationalError, RedisError) as error:
        raise HTTPException(
            503, "The queue cannot be reached. Hand the transcripts in again later."
        ) from error
    response.headers["Location"] = f"/api/jobs/{job}"
    return {"job": job}


@app.get("/api/jobs/{job}")
def job_progress(job: str) -> dict[str, Any]:
    """How far each transcript of a job is."""
    if found := jobs.find(job):
        return found
    raise HTTPException(404, f'There is no job "{job}".')


@app.get("/api/channels/{name}")
def channel_progress(name: ChannelName) -> dict[str, Any]:
    """All transcripts of a channel, and the size of its graph."""
    found = jobs.channel(name)
    if found["transcripts"]:
        return found
    raise HTTPException(404, f'There is no channel "{name}".')


@app.get("/api/graph/entities")
def entities(
    channel: InChannel, q: str = "", limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[dict[str, Any]]:
    """Entities by a part of their name, those first that are mentioned most."""
    return [dict(row) for row in graph.entities(channel, q, limit)]


@app.get("/api/graph/neighbours")
def neighbours(channel: InChannel, name: str) -> list[dict[str, Any]]:
    """What is said of an entity together with others."""
    return [link._asdict() for link in graph.neighbours(channel, name)]


@app.get("/api/graph/path")
def path(
    channel: InChannel, start: Annotated[str, Query(alias="from")], end: Annotated[str, Query(alias="to")]
) -> dict[str, Any]:
    """A shortest way from one entity to another; null when there is none."""
    links = graph.path(channel, start, end)
    return {"from": start, "to": end, "path": None if links is None else [link._asdict() for link in links]}
