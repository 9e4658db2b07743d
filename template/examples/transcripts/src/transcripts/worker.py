"""Celery: ``celery -A transcripts.worker worker``. What is sent where, and what happens when it fails."""

from celery import Celery
from kombu import Exchange, Queue

from transcripts.settings import settings

app = Celery("transcripts", include=["transcripts.tasks"])
app.conf.update(
    broker_url=settings().redis_url,
    # A chord counts its tasks there, so results are kept; what they found is in the database.
    result_backend=f"transcripts.results:PatientRedis+{settings().redis_url}",
    result_backend_always_retry=True,
    # Reading transcripts takes long and joining them must not wait behind it. One worker takes from
    # both queues; where there is much to do, give each its own (--queues extract).
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in ("extract", "graph")],
    task_routes={"transcripts.extract": "extract", "transcripts.*": "graph"},
    task_default_queue="graph",
    task_create_missing_queues=False,  # a typing error in a queue's name is an error
    # A worker that dies gives its task back. So each one may run twice, and is made for it.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=300,
    task_time_limit=330,
    broker_transport_options={
        # Longer than a task or a back-off may take, or Redis hands it out twice.
        "visibility_timeout": 600,
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
    },
    result_backend_transport_options={"visibility_timeout": 600},
    redis_socket_connect_timeout=2,
    redis_socket_timeout=5,
    redis_retry_on_timeout=True,
    # A worker waits for its broker, however long that takes.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # A task that cannot send the next one would be lost. Whoever waits for an answer has less patience:
    # see tasks.submit().
    task_publish_retry_policy={
        "max_retries": 60,
        "interval_start": 0.2,
        "interval_step": 0.2,
        "interval_max": 1,
    },
    worker_send_task_events=True,  # so that Flower sees the tasks
    task_send_sent_event=True,
)
