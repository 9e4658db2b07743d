# Stands in for postgres:17-trixie.
FROM stand-in/debian:trixie
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  # The official image's numbers, and before the package chooses others.
  groupadd --system --gid 999 postgres
  useradd --system --gid postgres --uid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres
  /build/with-network.sh /build/apt-install.sh postgresql-common
  sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
  /build/with-network.sh /build/apt-install.sh postgresql-17 tzdata
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  # As in the official image: other containers may connect.
  sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" /usr/share/postgresql/17/postgresql.conf.sample
  install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
  install -d -o postgres -g postgres -m 3777 /var/run/postgresql
  mkdir /docker-entrypoint-initdb.d
EOF

COPY --chmod=0755 postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV LANG=C.UTF-8 PATH=/usr/lib/postgresql/17/bin:$PATH PG_MAJOR=17 PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
# Fast shutdown: ends sessions, keeps everything that was committed.
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
