"""compose.yaml, from the task folders: services that are as shut in as the engine's containers."""

from __future__ import annotations

from pathlib import Path

from kit import discovery, paths

# Begins the names of the variables that name images by their ids.
IMAGE = "KIT_IMAGE_"
HEAD = """\
# Written from the task folders by 'kit images compose --write'; a test keeps the two equal.
#
#   docker compose run deepsea-dash                  DASH on DeepSEA with seeds 0, 1, 2
#   docker compose run --rm deepsea-dash --seed 1 --profile smoke
#   docker compose run --rm deepsea wrn              any other method
#   docker compose run --rm deepsea-fetch            the data: the only service with a network
#   docker compose run --rm deepsea-prepare          what the runs read, from what was fetched
#
# A run takes a GPU that is free, or one of KIT_GPU (0,1 or UUIDs). 'kit images build' writes .env:
# whose the results are (KIT_UID, KIT_GID), KIT_RUNTIME=nvidia where containers can have GPUs, and
# the ids of the images (KIT_IMAGE_*), which are then what runs and what results are marked with.
name: kit

x-sandbox: &sandbox
  init: true
  network_mode: none
  read_only: true
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  user: "${KIT_UID:-1000}:${KIT_GID:-1000}"
  tmpfs: [/tmp]
  shm_size: ${KIT_SHM:-1g}
  mem_limit: ${KIT_MEMORY:-0}
  pids_limit: 4096
  stop_grace_period: 30s
  logging: {driver: json-file, options: {max-size: 20m, max-file: "2"}}

x-results: &results {type: bind, source: "${KIT_RESULTS:-./results}", target: /kit/results}
x-data: &data {type: bind, source: "${KIT_DATA:-./data}", target: /kit/data}
x-raw: &raw {type: bind, source: "${KIT_DATA:-./data}/raw", target: /kit/data/raw}

x-environment: &environment
  {KIT_GPU: , KIT_GPU_WAIT: , KIT_TAKE_BUSY_GPU: , KIT_JOBS_PER_GPU: , KIT_SEEDS: , KIT_THREADS: ,
   KIT_CHECKPOINT_SECONDS: }

x-run: &run
  <<: *sandbox
  runtime: ${KIT_RUNTIME:-runc}
  volumes:
    - *results
    - {<<: *data, read_only: true}
    - {type: bind, source: "${KIT_LOCKS:-/tmp/kit-locks}", target: /kit/locks}

x-prepare: &prepare
  <<: *sandbox
  volumes: [*data, {<<: *raw, read_only: true}]

x-fetch: &fetch
  <<: *sandbox
  network_mode: bridge
  volumes: [*raw]

x-build: &build {context: ., dockerfile: docker/Dockerfile, target: task}

services:
"""

# One image; four rights.
SERVICES = """\
  {name}: &{name}
    <<: *run
    image: ${{{variable}:-${{KIT_IMAGES:-kit}}/{name}}}
    environment: {{<<: *environment, KIT_IMAGE_ID: "${{{variable}:-}}", KIT_SERVICE: {name}}}
    build: {{<<: *build, args: {{TASK: {folder}}}}}
    entrypoint: [kit, run, {name}]
  {name}-dash: {{<<: *{name}, entrypoint: [kit, run, {name}, dash]}}
  {name}-prepare: {{<<: [*prepare, *{name}], entrypoint: [kit, data, prepare, {name}]}}
  {name}-fetch: {{<<: [*fetch, *{name}], entrypoint: [kit, data, fetch, {name}]}}
"""


def path() -> Path:
    """Return where the file lies: in the project, where ``docker compose`` looks for it."""
    return paths.checkout("Compose's services") / "compose.yaml"


def render() -> str:
    """Return the file for the task folders of the project."""
    folders = discovery.listing([path().parent / "tasks"], "task.py")
    services = [
        SERVICES.format(name=name, folder=folder.name, variable=variable(name))
        for name, folder in folders.items()
    ]
    return HEAD + "\n".join(services)


def variable(name: str) -> str:
    """Return the variable that names the image of a task by its id."""
    return f"{IMAGE}{name.upper().replace('-', '_')}"
