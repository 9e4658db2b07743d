"""What the roles of the image add to an application without touching it.

Heartbeats that the health check reads, a lock that keeps a second beat quiet, a lock around
migrations, and the restart on save in development. The entrypoint puts the folder on PYTHONPATH.
"""
