#!/bin/sh
# Installs a build tool in its own venv, apart from the application's packages:
# install-tool.sh NAME==VERSION [PLUGIN==VERSION…]
set -eu

name=${1%%==*}
# With the base image's pip: to install another one would take longer than the tool.
python3 -m venv --without-pip "/opt/$name"
python3 -m pip --python "/opt/$name/bin/python" install --quiet --disable-pip-version-check "$@"
ln -s "/opt/$name/bin/$name" /usr/local/bin/
