# Stand-ins for the official images, from Debian and PyPI packages, for where no registry answers.
# scripts/lib/stand-ins.ts makes the Debian base and builds these:
#
#   docker buildx bake --file docker/offline/bake.hcl
#
# A target has the name of its image, so that only what a stack wants is built. Each honours what the official
# image documents (variables, volume, user, signals) and nothing more. Mirrors come as secrets, proxies from the
# environment.

group "default" {
  targets = ["python", "postgres", "valkey", "seaweedfs", "caddy"]
}

variable "FINGERPRINT" { default = "" }
variable "HTTP_PROXY" { default = "" }
variable "HTTPS_PROXY" { default = "" }
variable "NO_PROXY" { default = "" }

target "stand-in" {
  context  = "docker/offline"
  contexts = { build = "docker/build" }
  labels   = { "python-docker-starter.fingerprint" = FINGERPRINT }
  # An empty one would switch off what ~/.docker/config.json names.
  args = {
    HTTP_PROXY  = HTTP_PROXY != "" ? HTTP_PROXY : null
    HTTPS_PROXY = HTTPS_PROXY != "" ? HTTPS_PROXY : null
    NO_PROXY    = NO_PROXY != "" ? NO_PROXY : null
  }
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

target "valkey" {
  inherits   = ["stand-in"]
  dockerfile = "redis.Dockerfile"
  tags       = ["stand-in/valkey:8-trixie"]
}

target "seaweedfs" {
  inherits   = ["stand-in"]
  dockerfile = "storage.Dockerfile"
  contexts   = { python = "target:python" }
  tags       = ["stand-in/seaweedfs:4.48"]
}

target "caddy" {
  inherits   = ["stand-in"]
  dockerfile = "proxy.Dockerfile"
  contexts   = { python = "target:python" }
  tags       = ["stand-in/caddy:2.11"]
}
