"""Example stories: flask --app stories seed."""

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import click
from flask.cli import with_appcontext

from stories.models import Story, db
from stories.problems import Problem
from stories.submission import submit

FABLES = Path(__file__).parent / "seeds"


@click.command()
@with_appcontext
def seed() -> None:
    """Queue three fables of Aesop. Run it as often as you like: each is added once."""
    for file in sorted(FABLES.glob("*.txt")):
        title, _, text = file.read_text(encoding="utf-8").partition("\n")
        # The same file always has the same id, so the database itself knows the fable again.
        story_id = uuid5(NAMESPACE_URL, f"stories/seeds/{file.name}")
        if db.session.get(Story, story_id):
            click.echo(f"is there   {title}")
            continue
        try:
            submit(title, text, story_id)
        except Problem as problem:
            raise click.ClickException(problem.sentence) from problem
        click.echo(f"queued     {title}")
