#!/bin/sh
# Installs a tool of the build in a place of its own, so that the application's packages never meet
# the tool's: install-tool.sh NAME==VERSION [PLUGIN==VERSION…]
set -eu

name=${1%%==*}
python3 -m venv "/opt/$name"
"/opt/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
ln -s "/opt/$name/bin/$name" /usr/local/bin/
