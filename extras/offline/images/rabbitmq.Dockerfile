# Stands in for rabbitmq:4.2 (a release older than the official image's).
FROM stand-in/debian:trixie
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  # The official image's numbers.
  groupadd --system --gid 999 rabbitmq
  useradd --system --gid rabbitmq --uid 999 --home-dir /var/lib/rabbitmq --shell /usr/sbin/nologin rabbitmq
  /build/with-network.sh /build/apt-install.sh rabbitmq-server
  apt-get clean
  rm -rf /var/lib/apt/lists/* /var/lib/rabbitmq /var/log/rabbitmq
  install -d -o rabbitmq -g rabbitmq -m 1777 /var/lib/rabbitmq /var/log/rabbitmq
  install -d -o rabbitmq -g rabbitmq -m 1777 /etc/rabbitmq /etc/rabbitmq/conf.d
  # As in the official image: guest may come from elsewhere, and the log goes to the container's.
  printf 'loopback_users.guest = false\nlog.console = true\n' > /etc/rabbitmq/conf.d/10-defaults.conf
EOF

COPY --chmod=0755 rabbitmq-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
# Before Debian's wrappers, which write the log into a file.
ENV PATH=/usr/lib/rabbitmq/bin:$PATH HOME=/var/lib/rabbitmq RABBITMQ_DATA_DIR=/var/lib/rabbitmq LANG=C.UTF-8
VOLUME /var/lib/rabbitmq
EXPOSE 4369 5671 5672 15691 15692 25672
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["rabbitmq-server"]
