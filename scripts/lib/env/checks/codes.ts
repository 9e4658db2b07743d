/**
 * Every finding that the check of an env file knows: one table, for the check itself and for docs/settings-checks.md.
 * A code never changes its meaning, and is not given out again.
 */

interface CodeInfo {
  /** `production`: an error where compose.production.yaml is among the files, a warning elsewhere. */
  severity: 'error' | 'warning' | 'production'
  group: string
  title: string
  /** What goes wrong otherwise. */
  why: string
  remedy: string
}

const file = {
  E01: {
    severity: 'error', group: 'The file', title: 'A line cannot be read',
    why: 'Compose refuses the whole file for one such line: an open quote, text behind a closing one, a name with a blank, a `$` that begins no reference.',
    remedy: 'Write `NAME=value`. A value with blanks or any of `$ # \' " \\` goes into single quotes.',
  },
  E02: {
    severity: 'error', group: 'The file', title: 'A setting is there twice',
    why: 'The last one counts. Who changes the first one sees nothing happen.',
    remedy: 'Delete one of the lines.',
  },
  W03: {
    severity: 'warning', group: 'The file', title: 'Another reader takes the value otherwise',
    why: 'Compose and the usual readers of env files (here the npm package dotenv) differ over `#`, `$`, quotes and backslashes. What the containers get is not what other tools read from the same line.',
    remedy: 'Put the value in single quotes, without a single quote or a backslash in it. A reference such as `${NAME}` is Compose\'s alone and no finding.',
  },
  W04: {
    severity: 'warning', group: 'The file', title: 'An unusual way to write a setting',
    why: 'Compose takes `export NAME=`, `NAME: value` and blanks around the sign; other readers do not, or make the blank part of the value.',
    remedy: 'Write `NAME=value`.',
  },
  W05: {
    severity: 'warning', group: 'The file', title: 'Line endings of Windows, or a byte order mark',
    why: 'Compose takes them off. A shell that reads the file leaves a carriage return at the end of every value.',
    remedy: 'Save the file with LF line endings and as UTF-8 without a byte order mark: `sed -i \'s/\\r$//\' .env.docker`.',
  },
  E06: {
    severity: 'production', group: 'The file', title: 'Secrets are tracked by git',
    why: 'Everybody with the repository has them, also after they are deleted from the file.',
    remedy: '`git rm --cached FILE`, name it in `.gitignore`, and change the secrets: they are in the history.',
  },
  W07: {
    severity: 'warning', group: 'The file', title: 'Others on this machine can read the secrets',
    why: 'The file has a mode that lets more than its owner read it.',
    remedy: '`chmod 600 .env.docker`',
  },
  E08: {
    severity: 'error', group: 'The file', title: 'The file does not exist',
    why: 'Without it there is no name for the stack and no secret.',
    remedy: '`npm run env -- --init` makes it from the example, with secrets of its own.',
  },
  E76: {
    severity: 'error', group: 'The file', title: 'The file has no setting',
    why: 'It is empty, or all of its lines are comments: nothing says what to start, and there is no secret.',
    remedy: '`npm run env -- --init` adds what is missing.',
  },
  W77: {
    severity: 'warning', group: 'The file', title: 'Git does not ignore the secrets',
    why: 'The file is not in the repository yet; the next `git add .` puts it there.',
    remedy: 'Name it in `.gitignore`. Names such as `.env.staging`, in the folder of the project, are there already.',
  },
  W78: {
    severity: 'warning', group: 'The file', title: 'A quote of a word processor',
    why: '`“` and its kind are letters to every reader of env files, and become a part of the value.',
    remedy: 'Write `\'` at both ends of the value, or no quote at all.',
  },
  E80: {
    severity: 'error', group: 'The file', title: 'A reference to a setting is empty',
    why: 'Compose puts in what stands above, and nothing where the name is misspelt or set further down. In single quotes, and without its `$`, a reference is text.',
    remedy: 'Correct the name, or move the setting below the ones that it refers to.',
  },
  W81: {
    severity: 'warning', group: 'The file', title: 'A `$` before a name that nobody has set',
    why: 'Compose takes it for a reference and puts nothing in: of a password, that part is lost.',
    remedy: 'Put the value in single quotes when the `$` is meant, or set the name above.',
  },
} as const satisfies Record<string, CodeInfo>

const schema = {
  E10: {
    severity: 'error', group: 'Values', title: 'A required setting is empty or missing',
    why: 'What reads it cannot do without. Empty counts as not set.',
    remedy: 'Give it a value. Secrets with `@generate` are made by `npm run env -- --init`.',
  },
  E11: {
    severity: 'error', group: 'Values', title: 'A value has the wrong form',
    why: 'The rule above the setting in `.env.docker.example` says what it has to look like: a port, a size, a URL.',
    remedy: 'Write it as the message says.',
  },
  E12: {
    severity: 'error', group: 'Values', title: 'A value is not one of those that are allowed',
    why: 'Only the words that the rule lists mean something to what reads it.',
    remedy: 'Take one of them; a misspelt one is named.',
  },
  W13: {
    severity: 'warning', group: 'Values', title: 'A setting is not declared',
    why: 'Nothing of the stack reads a name that is not in `.env.docker.example`: often it is misspelt.',
    remedy: 'Correct the name, or declare it in `.env.docker.example` when it is one of yours.',
  },
  W15: {
    severity: 'warning', group: 'Values', title: 'A setting is deprecated, or has another name',
    why: 'What is deprecated works for now and goes away with a later version of the template. An old name is read by nothing.',
    remedy: 'Do what the message says; `npm run env -- --sync` gives a setting its new name and keeps the value.',
  },
  W79: {
    severity: 'warning', group: 'Values', title: 'A port with a zero in front',
    why: 'Some programs, shells among them, take such a number for an octal one, or refuse it.',
    remedy: 'Write it without the zero.',
  },
} as const satisfies Record<string, CodeInfo>

const secrets = {
  E20: {
    severity: 'production', group: 'Secrets', title: 'A secret is a placeholder',
    why: '`changeme`, `password`, the user\'s name, or a value of `.env.docker.example` (those have `local-only` in them and are fine in development): everybody knows it.',
    remedy: 'Make one: `openssl rand -hex 24`. A database password that is in use is changed in the database as well.',
  },
  E21: {
    severity: 'production', group: 'Secrets', title: 'A secret is easily guessed',
    why: 'It has fewer than 8 characters, fewer than 5 different ones, or is a run of the keyboard or of numbers.',
    remedy: 'Make one: `openssl rand -hex 24`.',
  },
  E23: {
    severity: 'production', group: 'Secrets', title: 'Two secrets are the same',
    why: 'Who learns one has the other, and neither can be changed alone.',
    remedy: 'Give each its own.',
  },
  W24: {
    severity: 'warning', group: 'Secrets', title: 'A secret is not declared as one',
    why: 'By its name it holds a password, a token or a key, and without `@sensitive` in `.env.docker.example` messages and pages show it.',
    remedy: 'Add `@sensitive` to its rule.',
  },
  E25: {
    severity: 'error', group: 'Secrets', title: 'A service that is switched on has no password',
    why: 'The service does not start without one. Redis does, but in production `secrets-check` refuses it, and nothing starts.',
    remedy: 'Set one, or take the service out of `COMPOSE_PROFILES`.',
  },
} as const satisfies Record<string, CodeInfo>

const compose = {
  W30: {
    severity: 'warning', group: 'Agreement with Compose', title: 'A Compose file uses a setting that nobody declared',
    why: 'Whoever fills in the file does not learn of it, and nothing checks its value.',
    remedy: 'Declare it in `.env.docker.example`, with a sentence and a rule.',
  },
  W31: {
    severity: 'warning', group: 'Agreement with Compose', title: 'A declared setting is read by nothing',
    why: 'No Compose file and no env file of the stack refers to it: to change it has no effect.',
    remedy: 'Hand it to the service that needs it (`environment:` in `compose.yaml`), or delete it from `.env.docker.example`.',
  },
  W32: {
    severity: 'warning', group: 'Agreement with Compose', title: 'A service that is said to read a setting does not get it',
    why: '`@service(…)` in `.env.docker.example` names a reader that the Compose files do not hand it to.',
    remedy: 'Hand it over in `compose.yaml`, or correct the rule.',
  },
  W33: {
    severity: 'warning', group: 'Agreement with Compose', title: 'Two different defaults',
    why: 'The setting is not in your file, so the default of the Compose file is taken, and `.env.docker.example` promises another.',
    remedy: 'Set it in your file, or make the two defaults the same.',
  },
  W34: {
    severity: 'warning', group: 'Agreement with Compose', title: 'A secret has a default in a Compose file',
    why: 'Where it is forgotten, the stack runs with a secret that is in the repository.',
    remedy: 'Write `${NAME:-}` or `${NAME:?…}` there.',
  },
  W35: {
    severity: 'warning', group: 'Agreement with Compose', title: 'A secret goes to a service that does not list it',
    why: 'Every service that has it is one more place to lose it.',
    remedy: 'Take it out of that service, or add the service to `@service(…)` in `.env.docker.example`.',
  },
  E36: {
    severity: 'production', group: 'Agreement with Compose', title: 'An image without a version',
    why: '`latest`, or no tag at all, is another image tomorrow.',
    remedy: 'Name a version, such as `library/postgres:17-trixie`.',
  },
  E37: {
    severity: 'error', group: 'Agreement with Compose', title: 'COMPOSE_FILE names a file that is not there',
    why: 'Compose starts nothing.',
    remedy: 'Correct the name. Files are separated by what `COMPOSE_PATH_SEPARATOR` says, and seen from this folder.',
  },
  E38: {
    severity: 'error', group: 'Agreement with Compose', title: 'COMPOSE_PROFILES names a profile that is not there',
    why: 'Compose says nothing: the service is simply not started.',
    remedy: 'Correct the name; a misspelt one is named.',
  },
  E74: {
    severity: 'error', group: 'Agreement with Compose', title: 'An overlay without compose.yaml in front of it',
    why: '`compose.override.yaml` and `compose.production.yaml` change what `compose.yaml` says, and are no stack of their own. Of two files the later one wins.',
    remedy: 'Name `compose.yaml` first.',
  },
  E75: {
    severity: 'error', group: 'Agreement with Compose', title: 'Development and production at once',
    why: '`compose.override.yaml` mounts the source over the image and restarts on every change: what would run in production is not what was built.',
    remedy: 'Name one of the two files.',
  },
} as const satisfies Record<string, CodeInfo>

const addresses = {
  E39: {
    severity: 'error', group: 'Addresses', title: 'Two services answer to one name',
    why: 'A connection gets now the one, now the other: PostgreSQL and MariaDB are both called `db`.',
    remedy: 'Take one of them out of `COMPOSE_PROFILES`, or write the name of the service itself into the URL.',
  },
  E40: {
    severity: 'error', group: 'Addresses', title: 'A database or broker on localhost, read in a container',
    why: 'There localhost is the container itself, not this machine and not another service.',
    remedy: 'Use the name of the service (`db`, `redis`), or `host.docker.internal` for this machine.',
  },
  E41: {
    severity: 'error', group: 'Addresses', title: 'The host is nearly the name of a service',
    why: 'Nothing answers to the misspelt name.',
    remedy: 'Take the name that the message offers.',
  },
  E42: {
    severity: 'error', group: 'Addresses', title: 'The port is not the one that the service listens on',
    why: 'Between containers the port in the container counts, not the one that is published on this machine.',
    remedy: 'Use the port that the message names.',
  },
  E43: {
    severity: 'error', group: 'Addresses', title: 'A password in a URL is not percent-encoded',
    why: 'Of `@ / : ? # %` and the like, the reader takes the rest of the password for the host or the path.',
    remedy: 'Write `%40` for `@`, `%2F` for `/` and so on, or make a password of letters and digits: `openssl rand -hex 24`.',
  },
  E44: {
    severity: 'error', group: 'Addresses', title: 'The password differs from the service\'s own',
    why: 'The service refuses the login.',
    remedy: 'Refer to the setting instead of writing the value twice: `${POSTGRES_PASSWORD}`.',
  },
  W45: {
    severity: 'warning', group: 'Addresses', title: 'The database or the user of the URL is not the one that is made',
    why: 'The service makes one of each, when its volume is first filled.',
    remedy: 'Refer to the setting (`${POSTGRES_DB}`), or make the other database yourself.',
  },
  W46: {
    severity: 'warning', group: 'Addresses', title: 'A host without a dot that nobody here knows',
    why: 'It is no service of the stack. It works only where your network\'s own name server knows it.',
    remedy: 'Use the name of a service, or the full name of the host.',
  },
  W47: {
    severity: 'warning', group: 'Addresses', title: 'A public address that leads nowhere',
    why: 'Browsers are sent to localhost: in production that is their own machine, and in development nothing is published on that port. Or they are sent to a name to which the proxy does not answer.',
    remedy: 'Use the name under which the stack is reached, for the store the one of `STORAGE_SITE_ADDRESS`; in development the published port, such as `STORAGE_PORT`.',
  },
  W48: {
    severity: 'warning', group: 'Addresses', title: 'No encryption on the way to another host, in production',
    why: 'Passwords and data cross the network in the clear (`http:`, `redis:`, `sslmode=disable`).',
    remedy: 'Use `https:`, `rediss:` or `sslmode=require`. In a network that is yours alone it may stay.',
  },
  W49: {
    severity: 'warning', group: 'Addresses', title: 'A web address on localhost, read in a container',
    why: 'Right when it is handed on to browsers, wrong when the container itself asks there: that is the container.',
    remedy: 'Use the name of the service, such as `storage`. An address for browsers gets `@type=url(public=true)` in `.env.docker.example`.',
  },
  E82: {
    severity: 'error', group: 'Addresses', title: 'The scheme is that of another service',
    why: 'PostgreSQL does not understand `mysql:`, nor MariaDB `postgresql:`, nor Redis `http:`.',
    remedy: 'Take the URL that the message offers, or lead it to the service that is meant.',
  },
  E83: {
    severity: 'error', group: 'Addresses', title: 'TLS to a service of the stack that has none',
    why: 'The services speak to each other in a network of their own, without certificates: `rediss:`, `https:` and `sslmode=require` fail there.',
    remedy: 'Take the scheme without TLS. To a host elsewhere it stays.',
  },
  W84: {
    severity: 'warning', group: 'Addresses', title: 'An SQLite file in the folder of the application, in production',
    why: 'That folder is part of the image: it is read-only, or what is written there is gone with the container. `sqlite:///name` with three slashes is seen from there.',
    remedy: 'Put the file into the volume: `sqlite:////data/app.db`, with four slashes.',
  },
} as const satisfies Record<string, CodeInfo>

const ports = {
  E50: {
    severity: 'error', group: 'Ports', title: 'One port for two',
    why: 'Only one of them gets it; the other does not start.',
    remedy: 'Give one of them another port.',
  },
  E53: {
    severity: 'production', group: 'Ports', title: 'A database or broker is published to the network',
    why: 'It is reachable by everybody who reaches this machine. Docker opens the port in front of the machine\'s firewall.',
    remedy: 'Publish it on `127.0.0.1`, or not at all: `docker compose exec postgres psql` needs no port.',
  },
  E54: {
    severity: 'error', group: 'Ports', title: 'A published port is no port',
    why: 'Compose refuses to start.',
    remedy: 'Write a number from 1 to 65535, or a range such as `8000-8009`.',
  },
  W93: {
    severity: 'warning', group: 'Ports', title: 'A range of ports meets the port of another service',
    why: 'Each container gets a port of the range that is free when it starts: with more of them, or after a restart, it is the one that the other service wants.',
    remedy: 'Move the range, or the port.',
  },
} as const satisfies Record<string, CodeInfo>

const rules = {
  W63: {
    severity: 'warning', group: 'Settings that go together', title: 'More connections than the database takes',
    why: 'Web workers × threads and the worker\'s processes may each hold one. When the limit is reached, requests fail under load and not before.',
    remedy: 'Lower `WEB_CONCURRENCY`, `WEB_THREADS` or `WORKER_CONCURRENCY`, or raise the server\'s limit.',
  },
  W64: {
    severity: 'warning', group: 'Settings that go together', title: 'More memory is promised than there is',
    why: 'The limits of all services together exceed this machine\'s memory: under load the kernel kills one of them, or something else.',
    remedy: 'Lower the limits (`WEB_MEMORY`, `WORKER_MEMORY` …), or take a larger machine.',
  },
  W65: {
    severity: 'warning', group: 'Settings that go together', title: 'Docker kills the worker before it has given back its tasks',
    why: '`WORKER_STOP_GRACE` has to be longer than `WORKER_STOP_TIMEOUT`: the worker needs the time between for what it could not finish.',
    remedy: 'Raise `WORKER_STOP_GRACE`, ten seconds above the other.',
  },
  W66: {
    severity: 'warning', group: 'Settings that go together', title: 'Tasks are given out again while they run',
    why: 'After `WORKER_VISIBILITY_TIMEOUT` Redis hands a task that is not acknowledged to another worker, which runs it a second time.',
    remedy: 'Make it longer than the longest task, its time limit and `WORKER_STOP_TIMEOUT`.',
  },
  E67: {
    severity: 'error', group: 'Settings that go together', title: 'Half of what belongs together',
    why: 'One setting makes sense only with another, which is empty.',
    remedy: 'Set both, or neither.',
  },
  W68: {
    severity: 'warning', group: 'Settings that go together', title: 'A URL leads to a service that is switched off',
    why: 'The application is told of a host that is not there.',
    remedy: 'Add the profile to `COMPOSE_PROFILES`, or empty the URL.',
  },
} as const satisfies Record<string, CodeInfo>

const machine = {
  W70: {
    severity: 'warning', group: 'This machine', title: 'A variable of the shell hides the setting',
    why: 'Compose takes the shell\'s value, whatever the file says. Proxies (`HTTP_PROXY` …) are meant to come from there and no finding.',
    remedy: '`unset NAME` in this shell, and look where it is set.',
  },
  W71: {
    severity: 'warning', group: 'This machine', title: 'The shell says which stack this is',
    why: '`COMPOSE_FILE`, `COMPOSE_PROFILES` or `COMPOSE_PROJECT_NAME` is set in the shell and not in the file: in the next shell it is another stack.',
    remedy: 'Write it into the file, or `unset` it.',
  },
  E72: {
    severity: 'error', group: 'This machine', title: 'Compose does not take the name of the project',
    why: 'Small letters, digits, `-` and `_`, with a letter or a digit first.',
    remedy: 'Take the name that the message offers.',
  },
} as const satisfies Record<string, CodeInfo>

const lists = {
  W89: {
    severity: 'warning', group: 'Values', title: 'A list with another separator',
    why: 'Two words are taken for one: of a package, a queue or a proxy that does not exist.',
    remedy: 'Write it as the message says. Packages, extras, groups and `TRUSTED_PROXIES` are separated by blanks, queues and `NO_PROXY` by commas.',
  },
} as const satisfies Record<string, CodeInfo>

const commands = {
  W90: {
    severity: 'warning', group: 'Settings that go together', title: 'An argument says what a setting says already',
    why: 'The server or the worker gets both. Who changes the setting later, and who counts by it, is misled: the health check, the published port, the check of the connections.',
    remedy: 'Take the argument out, and set the setting.',
  },
  W91: {
    severity: 'warning', group: 'Settings that go together', title: 'An argument takes away what the stack needs',
    why: 'The scheduler that holds the lock, or the heartbeat that the health check listens for.',
    remedy: 'Take the argument out. beat is a service of its own, and its scheduler is chosen in the application.',
  },
  W92: {
    severity: 'warning', group: 'Settings that go together', title: 'The server listens in its own container alone',
    why: '127.0.0.1 is the container: the health check is answered, and nobody else. Servers for development listen there unless they are told otherwise.',
    remedy: 'Let it listen on 0.0.0.0, and on `$PORT`. Who reaches it from outside, the Compose files say.',
  },
  W94: {
    severity: 'warning', group: 'Settings that go together', title: 'An option for development, in production',
    why: 'The server looks for changes that never come, or shows its insides to visitors.',
    remedy: 'Take it out of `WEB_ARGS`. In development the stack restarts web by itself.',
  },
  W97: {
    severity: 'warning', group: 'Settings that go together', title: 'Redis has too little memory to rewrite its file',
    why: 'For that it copies itself, and Docker kills what takes more than `REDIS_MEMORY`: again and again, because it is as full after the restart.',
    remedy: 'Make `REDIS_MEMORY` twice `REDIS_MAXMEMORY`.',
  },
} as const satisfies Record<string, CodeInfo>

const proxy = {
  W95: {
    severity: 'warning', group: 'Addresses', title: 'The proxy answers to localhost alone',
    why: 'In production it takes only requests for the name in `SITE_ADDRESS` or `STORAGE_SITE_ADDRESS`, and visitors come by another one.',
    remedy: 'Write the name of the site, or `:80` for every name.',
  },
  E96: {
    severity: 'error', group: 'Addresses', title: 'Two sites of the proxy have one address',
    why: 'The proxy does not start.',
    remedy: 'Give `STORAGE_SITE_ADDRESS` a name of its own.',
  },
} as const satisfies Record<string, CodeInfo>

const paths = {
  E85: {
    severity: 'error', group: 'Folders and files', title: 'A folder or a file is not there, or is not what is needed',
    why: 'The build, or Compose before it, ends with a message that does not name the setting.',
    remedy: 'Correct the path. `PYTHON_MANIFEST`, `PYTHON_DEV_MANIFEST` and `APP_WORKDIR` are seen from `APP_DIR`, everything else from this folder.',
  },
  E86: {
    severity: 'error', group: 'Folders and files', title: 'The dependencies cannot be installed from this file',
    why: 'pip reads requirements files, poetry reads `poetry.lock` beside `pyproject.toml`, and uv reads requirements files or `uv.lock` beside `pyproject.toml`.',
    remedy: 'Name another file, choose another `PYTHON_INSTALLER`, or make the lock (`uv lock`, `poetry lock`) and commit it.',
  },
  W87: {
    severity: 'warning', group: 'Folders and files', title: 'A path leads to nothing, and nothing will say so',
    why: 'Python passes over a folder that is not there, and Compose over an env file of the application. A file of nearly that name is there, or a folder as this machine sees it and not the container.',
    remedy: 'Correct the path. Folders in `APP_PYTHONPATH` are seen as in the container, where `APP_DIR` is `/app`.',
  },
  E88: {
    severity: 'production', group: 'Folders and files', title: 'The application gets the env file of the stack',
    why: '`APP_ENV_FILE` is handed over whole, with the passwords of services that the application never speaks to.',
    remedy: 'A file of its own, such as `.env.app`, in which it may refer to the settings here.',
  },
} as const satisfies Record<string, CodeInfo>

export const codes = {
  ...file, ...schema, ...lists, ...paths, ...secrets, ...compose, ...addresses, ...proxy, ...ports, ...rules, ...commands, ...machine,
}

/** Stable names, so that a finding can be looked up. */
export type FindingCode = keyof typeof codes

/** How bad it is here. */
export function severityOf(code: FindingCode, production: boolean): 'error' | 'warning' {
  const severity: CodeInfo['severity'] = codes[code].severity
  if (severity !== 'production') return severity
  return production ? 'error' : 'warning'
}
