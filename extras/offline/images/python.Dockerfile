# Stands in for python:3.13-slim-trixie; with SUITE=bookworm for python:3.11-slim-bookworm, with SUITE=forky for
# python:3.14-slim-trixie.
ARG SUITE=trixie
FROM stand-in/debian:${SUITE}
RUN --mount=type=bind,from=build,target=/build \
    --mount=type=secret,id=extra-ca --mount=type=secret,id=apt-mirror <<EOF
  set -eu
  /build/with-network.sh /build/apt-install.sh ca-certificates netbase python3 python3-pip python3-venv tzdata
  # The official image has Python's headers, without the rest of the package: the libraries and headers for C.
  /build/with-network.sh apt-get download "$(python3 -c 'import sys; print("libpython%d.%d-dev" % sys.version_info[:2])')"
  dpkg-deb --extract libpython*.deb /tmp/python
  cp --recursive /tmp/python/usr/include /usr
  rm -r libpython*.deb /tmp/python
  apt-get clean
  rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED
  # Where the official image has them.
  for name in python3 pip3; do ln -s "/usr/bin/$name" /usr/local/bin/; done
  ln -s python3 /usr/local/bin/python
  ln -s pip3 /usr/local/bin/pip
EOF

ENV LANG=C.UTF-8
CMD ["python3"]
