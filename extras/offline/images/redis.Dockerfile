# Stands in for valkey/valkey (a release older than the official image's).
FROM stand-in/debian:trixie
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  groupadd --system --gid 999 valkey
  useradd --system --gid valkey --uid 999 valkey
  /build/with-network.sh /build/apt-install.sh tzdata valkey-server
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
