#!/bin/bash
# extras/swarm/deploy.sh [ENV_FILE]: on a manager. Makes the secrets that the swarm lacks, migrates with the new image while
# the old version serves, and then replaces the old version. Ends with 0 if all services run the new version.
set -euo pipefail
cd "$(dirname "$0")/../.."
env_file=${1:-.env.docker}

compose() {
	docker compose --env-file "$env_file" "$@"
}

render() {
	compose config "$@" | sed -E -f extras/swarm/stack.sed
}

deploy() {
	docker stack deploy --with-registry-auth --compose-file - "$@" "$stack"
}

# rolled_back: a line for each service of the stack that went back to the version before, and when.
rolled_back() {
	docker service ls --quiet --filter "label=com.docker.stack.namespace=$stack" |
		xargs --no-run-if-empty docker service inspect --format '{{if .UpdateStatus}}{{.Spec.Name}} {{.UpdateStatus.State}} since {{.UpdateStatus.StartedAt}}{{end}}' |
		grep ' rollback_' | sort || true
}

stack=$(compose config | sed -n 's/^name: //p')

# Their names are PROJECT.SETTING.GENERATION. The values are in no file, argument or log.
is_checked=
for secret in $(compose config | sed -n '/^secrets:/,/^[a-z]*:$/s/^    name: //p'); do
	! docker secret inspect "$secret" >/dev/null 2>&1 || continue
	# It refuses the secrets of .env.docker.example.
	[[ -n $is_checked ]] || npm run --silent env -- --env-file "$env_file"
	is_checked=yes
	setting=${secret%.*} setting=${setting##*.}
	npm run --silent env -- --env-file "$env_file" --print "$setting" --show-secret | docker secret create "$secret" - >/dev/null
	echo "Created the secret $secret"
done

# The migration needs the database, which is not there at the first deploy.
data=$(compose config --services | grep --extended-regexp --line-regexp 'postgres|mariadb|redis|storage' || true)
if [[ -n $data ]] && ! docker service inspect "${stack}_web" >/dev/null 2>&1; then
	# shellcheck disable=SC2086 # names, one a word
	render $data | deploy --detach=false --quiet
fi

# `docker stack deploy` would wait without end for a job that failed, so its task is asked. A new job has only one.
docker service rm "${stack}_migrate" >/dev/null 2>&1 || true
render migrate | deploy --detach
until state=$(docker service ps --format '{{.CurrentState}}' "${stack}_migrate") && [[ $state == Complete* ]]; do
	if [[ $state == Failed* || $state == Rejected* ]]; then
		docker service ps --no-trunc --format '{{.CurrentState}}: {{.Error}}' "${stack}_migrate" >&2
		docker service logs --raw "${stack}_migrate" >&2 || true
		echo 'The migration failed. Nothing was deployed.' >&2
		exit 6
	fi
	sleep 1
done

# Docker says of a version that was rolled back that it is deployed.
before=$(rolled_back)
render | deploy --detach=false --quiet
failed=$(comm -13 <(echo "$before") <(rolled_back))
if [[ -n $failed ]]; then
	printf '%s\n' "$failed" 'The new version failed, and the old one serves again. "docker service ps --no-trunc NAME" has the reason.' >&2
	exit 1
fi
