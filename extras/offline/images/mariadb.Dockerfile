# Stands in for mariadb:11.8. Without the package "mariadb-server", which would fill the volume and start a server.
FROM stand-in/debian:trixie
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  # The official image's numbers.
  groupadd --system --gid 999 mysql
  useradd --system --gid mysql --uid 999 --home-dir /var/lib/mysql --shell /usr/sbin/nologin mysql
  /build/with-network.sh /build/apt-install.sh mariadb-client mariadb-server-core tzdata
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  install -d -o mysql -g mysql -m 0755 /var/lib/mysql
  install -d -o mysql -g mysql -m 1777 /run/mysqld
  mkdir /docker-entrypoint-initdb.d
  # As in the official image: other containers may connect, and nobody asks for their names.
  printf '[mariadbd]\npid-file = /run/mysqld/mysqld.pid\nhost-cache-size = 0\nskip-name-resolve\n' \
    > /etc/mysql/mariadb.conf.d/05-stand-in.cnf
EOF

COPY --chmod=0755 mariadb-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
COPY --chmod=0755 mariadb-healthcheck.sh /usr/local/bin/healthcheck.sh
ENV LANG=C.UTF-8
VOLUME /var/lib/mysql
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mariadbd"]
