"""The mail that says that a story is done, where MAIL_URL names a server."""

import logging
import smtplib
from email.message import EmailMessage
from urllib.parse import urlsplit

from flask import current_app

from stories.models import Story

log = logging.getLogger(__name__)

ADDRESS = "stories@example.org"


def story_is_done(story: Story) -> None:
    """Send it, or say in the log why not: the story is done all the same."""
    url = urlsplit(current_app.config["MAIL_URL"])
    if not url.hostname:
        return
    mail = EmailMessage()
    mail["From"] = mail["To"] = ADDRESS
    mail["Subject"] = " ".join(f"Done: {story.title}".split())  # a header is one line
    mail.set_content(f'"{story.title}" can be heard now.')
    try:
        with smtplib.SMTP(url.hostname, url.port or 25, timeout=5) as server:
            server.send_message(mail)
    except (OSError, ValueError) as error:  # nobody answers, or no such port or address
        log.warning("story %s is done, and its mail could not be sent: %s", story.id, error)
