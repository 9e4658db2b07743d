"""The page. It works without JavaScript; with it, progress is live."""

from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from stories import present, problems
from stories.config import TEXT_LIMIT, TITLE_LIMIT
from stories.models import Story
from stories.problems import Problem
from stories.submission import read_form, submit

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> ResponseReturnValue:
    return _page({})


@blueprint.post("/")
def create() -> ResponseReturnValue:
    fields: dict[str, str] = {}
    try:
        fields = read_form()
        story = submit(fields.get("title"), fields.get("text"))
    except Problem as problem:
        return _page(fields, problem)
    except RequestEntityTooLarge:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return _page(fields, Problem(status, problems.SENTENCES[status]))
    flash(f"“{story.title}” is in the queue.")
    return redirect(url_for("pages.index"), HTTPStatus.SEE_OTHER)


def _page(fields: dict[str, str], problem: Problem | None = None) -> ResponseReturnValue:
    """The page: what was typed is still in the form, and the lists show what can be had."""
    try:
        stories = [present.story(story) for story in Story.latest(20)]
        status = present.status()
    except SQLAlchemyError as error:
        stories, status = [], None
        problem = problem or problems.database_problem(error)
    html = render_template(
        "index.html",
        fields=fields,
        problem=problem,
        stories=stories,
        status=status,
        title_limit=TITLE_LIMIT,
        text_limit=TEXT_LIMIT,
    )
    return html, problem.status if problem else HTTPStatus.OK
