#!/usr/bin/env python3
"""Runs `docker-compose config` in each environment of a JSON list, and prints the outcomes as JSON."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

COMMAND = ["docker-compose", "--env-file", ".env.docker.example", "config"]


def config(environment: dict[str, str]) -> dict[str, object]:
    """Return the exit code and what Compose wrote."""
    done = subprocess.run(COMMAND, env=os.environ | environment, capture_output=True, text=True, check=False)
    return {"exitCode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


with ThreadPoolExecutor(os.cpu_count()) as pool:
    json.dump(list(pool.map(config, json.loads(sys.argv[1]))), sys.stdout)
