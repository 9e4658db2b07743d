#!/usr/bin/env bats
# The production stack has one entry, limits, and secrets that are not public.

load ../helpers

@test "every service is healthy, and the one-shots have succeeded" {
	all_well
}

@test "the proxy is the only entry" {
	local service
	run published
	assert_line --regexp '^proxy '
	for service in $CORE_SERVICES; do
		[[ $service == proxy ]] || refute_line --regexp "^$service "
	done
}

@test "the site answers through the proxy" {
	local path host
	host=$(app_setting HEALTH_HOST) path=$(app_setting HEALTH_PATH)
	[[ $(model .services.proxy.environment.SITE_SERVICE) != frontend ]] || path=$(model .services.frontend.environment.HEALTH_PATH)
	run curl --silent --output /dev/null --max-time 10 --header "Host: $host" --write-out '%{http_code}' "http://$(address proxy 80)$path"
	assert_output --regexp '^[23]'
}

@test "every service has limits for memory and processes, a rotated log and a restart policy" {
	local service restart
	for service in $CORE_SERVICES; do
		restart=unless-stopped
		case $service in migrate | secrets-check) restart=no ;; esac
		run state '{{.Name}}{{with .HostConfig}} {{.Memory}} {{.PidsLimit}} {{.RestartPolicy.Name}}{{end}}' "$service"
		assert_output --regexp "^[^ ]+ [1-9][0-9]* [1-9][0-9]* $restart\$"
		# This asks the model, because Podman does not report the log options.
		run model ".services['$service'].logging.options"
		assert_output --regexp '^\{"max-file":"[1-9][0-9]*","max-size":"[1-9][0-9]*[kmg]"\}$'
	done
}

@test "every service has dropped its capabilities and can gain no other privileges" {
	local service
	for service in $CORE_SERVICES; do
		run state '{{.Name}} {{.HostConfig.CapDrop}} {{.HostConfig.Privileged}} {{.HostConfig.SecurityOpt}}' "$service"
		# Podman lists each capability, so the model shows that all are dropped.
		assert_output --regexp '^[^ ]+ \[(ALL|.* SYS_CHROOT)\] false \[no-new-privileges(:true)?\]$'
		run model ".services['$service'].cap_drop"
		assert_output '["ALL"]'
	done
}

@test "the application runs on a read-only root (unless APP_READ_ONLY=false), not as root, and with no source mounted" {
	local service is_read_only=true
	! grep --quiet '^APP_READ_ONLY=.*false' "$TEST_ENV_FILE" || is_read_only=false
	for service in $CORE_SERVICES; do
		case $service in web | worker | beat | flower | migrate) ;; *) continue ;; esac
		run state '{{range .Mounts}}{{println .Destination}}{{end}}' "$service"
		refute_line --regexp '^/app(/|$)'
		run state '{{.Name}} {{.Config.User}}' "$service"
		assert_output --regexp ' [1-9][0-9]*(:[0-9]+)?$'
		run state '{{.Name}} {{.HostConfig.ReadonlyRootfs}}' "$service"
		assert_output --partial " $is_read_only"
	done
}

@test "a frozen role is ended and started again within 75 seconds, and gets healthy" {
	local service roles=(web worker)
	! has_service beat || roles+=(beat)
	! has_service flower || roles+=(flower)
	has_restarted() { [[ $(state '{{.RestartCount}}' "$1") == 1 ]]; }
	for service in "${roles[@]}"; do signal_role STOP "$service"; done
	SECONDS=0
	for service in "${roles[@]}"; do
		run until_ok $((75 - SECONDS)) has_restarted "$service"
		assert_success
	done
	# How long this takes is up to the application.
	for service in "${roles[@]}"; do until_ok 180 is_health "$service" healthy; done
}

@test "with secrets of the example neither application nor store starts, and the settings are named" {
	# The runner has taken the example's secrets out of the env file. It removes this project too.
	local known=$COMPOSE_PROJECT_NAME-known
	docker tag "$COMPOSE_PROJECT_NAME-app" "$known-app"
	! has_service frontend || docker tag "$COMPOSE_PROJECT_NAME-frontend" "$known-frontend"
	known() {
		local -x COMPOSE_PROJECT_NAME=$known SECRET_KEY=contract-local-only
		local -x POSTGRES_PASSWORD=$SECRET_KEY MARIADB_PASSWORD=$SECRET_KEY PROXY_HTTP_PORT=0 PROXY_HTTPS_PORT=0
		compose "$@"
	}
	run known up --detach --no-build
	# If it fails for another reason, such as too few networks, only this says so.
	echo "$output"
	assert_failure
	run docker ps --format '{{.Label "com.docker.compose.service"}}' --filter "label=com.docker.compose.project=$known"
	for service in migrate web worker beat flower frontend storage; do refute_line "$service"; done
	for database in postgres mariadb; do
		has_service "$database" || continue
		run docker run --rm --entrypoint ls --volume "${known}_$database-data:/data:nocopy" "$known-app" -A /data
		assert_output ''
		until_ok 10 eval "known logs $database | grep '_PASSWORD is that of .env.docker.example'"
	done
	run docker inspect --format '{{.State.ExitCode}}' "$known-secrets-check-1"
	assert_output 64
	run known logs --no-log-prefix secrets-check
	assert_line --partial 'SECRET_KEY has the value of .env.docker.example'
	refute_output --partial local-only
}
