# Stands in for valkey/valkey (a release older than the official image's).
FROM stand-in/debian:trixie
RUN <<EOF
  set -eu
  groupadd --system --gid 999 valkey
  useradd --system --gid valkey --uid 999 valkey
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends \
    tzdata valkey-server >/dev/null
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  install -d -o valkey -g valkey -m 1777 /data
EOF

COPY --chmod=0755 redis-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["valkey-server"]
