"""The HTTP API. It keeps nothing and computes nothing: it stores, queues and answers.

``/docs`` is its page, ``/healthz`` says that this process answers.
"""

import uuid
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import FastAPI, Form, HTTPException, Request, Response, UploadFile
from fastapi.responses import JSONResponse, RedirectResponse

from agent import files, jobs, queue
from agent.outside import OutsideError

FILES_LIMIT = 20
BYTES_LIMIT = 2_000_000
TOTAL_LIMIT = 8_000_000

app = FastAPI(title="Agent", description=__doc__)


@app.exception_handler(OutsideError)
def outside_error(_request: Request, error: OutsideError) -> JSONResponse:
    """Says which service is away; what exactly it said stands in the log."""
    print(f"api: {error}", flush=True)
    return JSONResponse({"detail": f"{error.service} is not available. Try again later."}, status_code=503)


@app.get("/", include_in_schema=False)
def root() -> RedirectResponse:
    """The page of the API is the only one here; the frontend has the others."""
    return RedirectResponse("/docs")


@app.get("/healthz")
def health() -> dict[str, str]:
    """Says that this process answers. Asks nothing outside."""
    return {"status": "ok"}


def read(file: UploadFile) -> tuple[str, bytes]:
    """Name and content of a file, if it is a text. Raises HTTPException."""
    name = PurePath((file.filename or "document.txt").replace("\\", "/")).name
    content = file.file.read(BYTES_LIMIT + 1)
    if len(content) > BYTES_LIMIT:
        raise HTTPException(413, f"{name} is larger than {BYTES_LIMIT} bytes.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise HTTPException(422, f"{name} is no text in UTF-8.") from error
    if not text.strip() or "\0" in text:
        raise HTTPException(422, f"{name} has no text in it.")
    return name, content


@app.post("/api/jobs", status_code=202)
def submit(
    question: Annotated[str, Form(min_length=3, max_length=500)],
    documents: list[UploadFile],
    response: Response,
) -> dict[str, str]:
    """Takes texts and a question, and queues the work."""
    if len(documents) > FILES_LIMIT:
        raise HTTPException(413, f"{FILES_LIMIT} documents are allowed at once, these are {len(documents)}.")
    texts = [read(file) for file in documents]
    if sum(len(content) for _, content in texts) > TOTAL_LIMIT:
        raise HTTPException(413, f"The documents are larger than {TOTAL_LIMIT} bytes together.")
    job = uuid.uuid4().hex
    stored: list[jobs.Document] = []
    for number, (name, content) in enumerate(texts):
        key = f"jobs/{job}/documents/{number}.txt"
        files.put(key, content, "text/plain; charset=utf-8")
        stored.append({"name": name, "key": key, "bytes": len(content)})
    jobs.create(job, question.strip(), stored)
    try:
        queue.send(job)
    except OutsideError:
        jobs.fail(job, "The queue did not take the job. Hand it in again.")
        raise
    response.headers["Location"] = f"/api/jobs/{job}"
    return {"job": job}


@app.get("/api/jobs")
def newest() -> list[dict[str, Any]]:
    """The last twenty jobs."""
    return jobs.newest(20)


@app.get("/api/jobs/{job}")
def progress(job: str) -> dict[str, Any]:
    """How far a job is, and what came out of it."""
    if found := jobs.find(job):
        return found
    raise HTTPException(404, "There is no such job.")


@app.get("/api/jobs/{job}/report")
def report(job: str) -> Response:
    """The report of a job, as the worker has stored it."""
    if progress(job)["status"] != "done":
        raise HTTPException(409, "The job is not done.")
    return Response(files.get(f"jobs/{job}/report.md"), media_type="text/markdown; charset=utf-8")
