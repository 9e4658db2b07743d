#!/bin/sh
# What Playwright starts as its browser: Chromium in a container of its own. Playwright speaks on the
# descriptors 3 and 4; docker carries them as standard input and output, so no debugging port is opened,
# and when the tests die, Chromium reads the end of its input and goes with them.
#   BROWSER_IMAGE, BROWSER_PROJECT   what to run, and in the networks of which stack: that of web, and that of the store
set -eu
exec docker run --rm --interactive --label "browser-of=$BROWSER_PROJECT" --network "${BROWSER_PROJECT}_edge" --network "${BROWSER_PROJECT}_files" \
	--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --shm-size 512m \
	"$BROWSER_IMAGE" "$@" <&3 >&4
