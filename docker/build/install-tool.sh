#!/bin/sh
# Installs a build tool in its own venv, apart from the application's packages:
# install-tool.sh NAME==VERSION [PLUGIN==VERSION…]
set -eu

name=${1%%==*}
python3 -m venv "/opt/$name"
"/opt/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
ln -s "/opt/$name/bin/$name" /usr/local/bin/
