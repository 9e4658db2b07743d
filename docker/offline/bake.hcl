# Stand-ins for the official images, from Debian and PyPI packages, for where no registry answers.
# scripts/lib/stand-ins.ts makes the Debian base and builds these:
#
#   docker buildx bake --file docker/offline/bake.hcl
#
# Each honours what the official image documents (variables, volume, user, signals) and nothing more.

group "default" {
  targets = ["python", "postgres", "redis", "storage"]
}

variable "FINGERPRINT" { default = "" }

target "stand-in" {
  context = "docker/offline"
  labels  = { "python-docker-starter.fingerprint" = FINGERPRINT }
}

target "python" {
  inherits   = ["stand-in"]
  dockerfile = "python.Dockerfile"
  tags       = ["stand-in/python:3.13-trixie"]
}

target "postgres" {
  inherits   = ["stand-in"]
  dockerfile = "postgres.Dockerfile"
  tags       = ["stand-in/postgres:17-trixie"]
}

target "redis" {
  inherits   = ["stand-in"]
  dockerfile = "redis.Dockerfile"
  tags       = ["stand-in/valkey:8-trixie"]
}

target "storage" {
  inherits   = ["stand-in"]
  dockerfile = "storage.Dockerfile"
  contexts   = { python = "target:python" }
  tags       = ["stand-in/seaweedfs:4.48"]
}
