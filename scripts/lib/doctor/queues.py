"""Says how many tasks wait in the application's own Redis, and since when nothing has moved.

``npm run doctor`` hands this to Python in a container of the application. It changes nothing, and shows no
argument of a task. Its own argument is the number of workers that run. The answer is one JSON object on the
last line of standard output, or null where the broker is not Redis (RabbitMQ has rabbitmqctl):

    waiting   by the name of the queue: ``count``; ``nobody``, true where no worker takes from it; ``oldest``
              (the name of the task that is next) and ``still``, the seconds in which nothing was put in or
              taken out. This is a lower bound on the wait: messages of Celery do not say when they were sent.
    taken     tasks that a worker has and has not acknowledged
    oldest    seconds since the first of them was taken; null without any
    lost      how many of them no running worker has
"""

import contextlib
import json
import os
import sys
import time
from typing import Any

from celery.app.utils import find_app

# The keys of what workers have taken, as docker_roles/worker.py names them, after the application's prefix.
UNACKED, INDEX = "worker.unacked", "worker.unacked_index"
# If there are more, they are not read: each is a whole message.
MANY = 1000
# An idle worker takes a task within this time: what has just been sent does not count as waiting.
GRACE_SECONDS = 2
# Workers have this long to answer.
ANSWER_SECONDS = 2


def since(moment: float) -> int:
    """Returns the seconds since then."""
    return max(0, round(time.time() - moment))


def waiting(client: Any, queue: str, separator: str) -> dict[str, Any] | None:
    """Returns what waits in one queue, all priorities together, or None when nothing does."""
    names = [queue, *(f"{queue}{separator}{number}" for number in range(1, 10))]
    lists = [name for name in names if client.exists(name)]
    if not lists:
        return None
    message = json.loads(client.lindex(lists[0], -1) or b"{}")
    return {
        "count": sum(client.llen(name) for name in lists),
        "oldest": str((message.get("headers") or {}).get("task", "")),
        "still": min(client.object("idletime", name) or 0 for name in lists),
    }


def served(workers: int) -> set[str] | None:
    """Returns the queues that workers take from, or None if a worker is too busy to say."""
    answers = app.control.inspect(timeout=ANSWER_SECONDS).active_queues() or {}
    if len(answers) < workers:
        return None
    return {queue["name"] for queues in answers.values() for queue in queues}


def taken_ids(client: Any, prefix: str) -> set[str]:
    """Returns the ids of taken tasks, without those of a rate limit, which workers do not report."""
    headers = [json.loads(text)[0].get("headers") or {} for text in client.hvals(prefix + UNACKED)]
    default = app.conf.task_default_rate_limit
    limited = {name for name, task in app.tasks.items() if task.rate_limit or default}
    return {str(header.get("id", "")) for header in headers if header.get("task") not in limited}


def lost(client: Any, prefix: str, workers: int) -> int:
    """Counts the tasks of workers that are gone. Zero if a worker is too busy to answer: it may have any."""
    if not 0 < client.hlen(prefix + UNACKED) <= MANY:
        return 0
    # As a worker does when it starts: some tasks, and their rate limits, are known only then.
    app.loader.import_default_modules()
    ids = taken_ids(client, prefix)
    inspect = app.control.inspect(timeout=ANSWER_SECONDS)
    has, scheduled = inspect.query_task(*ids) or {}, inspect.scheduled() or {}
    if len(has) < workers or len(scheduled) < len(has):
        return 0
    waits = {entry["request"]["id"] for entries in scheduled.values() for entry in entries}
    # What has ended meanwhile is not lost.
    return len(ids.difference(waits, *has.values()) & taken_ids(client, prefix))


def in_redis(connection: Any) -> dict[str, Any]:
    """Asks for every queue that a worker or a sender has declared."""
    from redis.exceptions import ResponseError

    connection.transport_options |= {"socket_timeout": 5, "socket_connect_timeout": 5, "max_retries": 1}
    channel = connection.default_channel
    # This client adds no prefix. The one of the channel does, but not for every command.
    client = channel.client.client()
    prefix, separator = getattr(channel, "global_keyprefix", ""), channel.sep
    # Looking must not count as a use of the queue; Redis can do that since 7.2.
    with contextlib.suppress(ResponseError):
        client.execute_command("CLIENT NO-TOUCH", "ON")
    keys = [key.decode() for key in client.scan_iter(f"{prefix}_kombu.binding.*", count=1000)]
    queues = {member.decode().split(separator)[-1] for key in keys for member in client.smembers(key)}
    # What clients get answers in is no queue of tasks.
    named = sorted(queue for queue in queues if not queue.endswith(".pidbox"))
    found = {queue: what for queue in named if (what := waiting(client, prefix + queue, separator))}
    known = served(int(sys.argv[1])) if found else None
    for queue, what in found.items():
        what["nobody"] = known is not None and queue not in known
    first = client.zrange(prefix + INDEX, 0, 0, withscores=True)
    return {
        "waiting": found,
        "taken": client.zcard(prefix + INDEX),
        "oldest": since(first[0][1]) if first else None,
        "lost": lost(client, prefix, int(sys.argv[1])),
    }


app = find_app(os.environ["CELERY_APP"])
with app.connection_for_read(connect_timeout=5) as broker:
    answer = in_redis(broker) if broker.transport.driver_type == "redis" else None
    if answer and answer["waiting"] and not answer["taken"]:
        # The tasks may have been sent just now.
        time.sleep(GRACE_SECONDS)
        answer = in_redis(broker)
    print("\n" + json.dumps(answer))
