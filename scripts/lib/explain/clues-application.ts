/** What a line of a log, or the answer of a health check, says about the application itself. Pure. */
import { again, commandOf, firstGroup } from './clues.ts'
import type { Clue } from './clues.ts'

/** A variable of the application's own, which nothing hands to its containers. */
const needsVariable = (name: string): string =>
  `application cannot do without the variable ${name}, and nothing hands it over. Write ${name}=… into .env.app (or the file that APP_ENV_FILE names), ${again}`

const correct = `Correct it in .env.docker, ${again}`

export const applicationClues: readonly Clue[] = [
  {
    pattern: /Failed to find attribute '([^']+)' in '([^']+)'/,
    say: ([, attribute, module]) => `WEB_APP names "${attribute}", which "${module}" does not have. ${correct}`,
  },
  {
    pattern: /ModuleNotFoundError: No module named '([^']+)'/,
    say: ([, module = ''], { explainModule }) =>
      explainModule?.(module) ??
      `"${module}" is not in the image. If it is a module of yours, compare WEB_APP, CELERY_APP and APP_PYTHONPATH with the folder, and look at .dockerignore. ` +
        'If it is a package, add it to the file of PYTHON_MANIFEST.',
  },
  // uvicorn prints no traceback for these.
  {
    pattern: /Error loading ASGI app\. Could not import module "([^"]+)"/,
    say: ([, module]) => `WEB_APP names the module "${module}", which is not in the source, or cannot be imported. ${correct}`,
  },
  {
    pattern: /Error loading ASGI app\. Attribute "([^"]+)" not found in module "([^"]+)"/,
    say: ([, attribute, module]) => `WEB_APP names "${attribute}", which "${module}" does not have. ${correct}`,
  },
  {
    pattern: /Error loading ASGI app\. Import string "([^"]+)" must be in format/,
    say: ([, text]) => `WEB_APP is "${text}", and must have the form module:object. ${correct}`,
  },
  {
    pattern: /__call__\(\) missing \d+ required positional arguments?: (?:'receive' and )?'send'/,
    say: `The application is ASGI (FastAPI, Starlette), and gunicorn speaks WSGI with it. WEB_SERVER=uvicorn in .env.docker, ${again}`,
  },
  {
    pattern: /__call__\(\) missing \d+ required positional arguments?: 'start_response'/,
    say: `The application is WSGI (Flask, Django), and uvicorn speaks ASGI with it. WEB_SERVER=gunicorn in .env.docker, ${again}`,
  },
  {
    pattern: /but settings are not configured|must either define the environment variable DJANGO_SETTINGS_MODULE/,
    say: `Nobody has told Django where its settings are: DJANGO_SETTINGS_MODULE=package.settings in .env.app (or the file that APP_ENV_FILE names), ${again}`,
  },
  {
    pattern: /Unable to load celery application\.\s+The module (\S+) was not found/,
    say: ([, module]) => `CELERY_APP names the module "${module}", which is not in the source. ${correct}`,
  },
  {
    pattern: /Unable to load celery application\.\s+Module '([^']+)' has no attribute '([^']+)'/,
    say: ([, module, attribute]) => `CELERY_APP names "${attribute}", which "${module}" does not have. ${correct}`,
  },
  {
    pattern: /Error: No such command 'flower'/,
    say: "Flower is not installed: PYTHON_EXTRA_PACKAGES='flower' in .env.docker, or take flower out of COMPOSE_PROFILES. Then run npm run up again.",
  },
  {
    // os.environ of Python, django-environ, python-decouple, environs.
    pattern:
      /File "(?:<frozen os>|[^"]*\/os\.py)", line \d+, in __getitem__\n(?: {4}.*\n)*KeyError: '(\w+)'|Set the (\w+) environment variable|UndefinedValueError: (\w+) not found|Environment variable "(\w+)" not set/,
    say: (match) => `The ${needsVariable(firstGroup(match))}`,
  },
  {
    // pydantic-settings names the field, from which it makes the name of the variable.
    pattern: /ValidationError: \d+ validation errors? for \w*(?:Settings|Config|Env)\w*\n(\w+)\n {2}Field required/i,
    say: ([, field = '']) => `Likely (with env_prefix in front of the name, where the settings have one): the ${needsVariable(field.toUpperCase())}`,
  },
  {
    // A traceback whose last line of code stands outside every function.
    pattern: /File "([^"]+)", line (\d+), in <module>\n(?: {4}.*\n)*\w[\w.]*(?:Error|Exception)\b/,
    say: ([, file, line]) => `The application could not be imported, because of line ${line} of ${file}. Correct it, ${again}`,
  },
  {
    pattern: /\b(?:ImportError|SyntaxError|IndentationError|TabError): /,
    say: `The application could not be imported. Correct it, ${again}`,
  },
  {
    // After the import errors: a tool that cannot import the application does not have its commands either.
    pattern: /Error: No such command '([^']+)'/,
    say: ([, command], { role }) =>
      `${commandOf(role)} asks for "${command}", which the application does not offer. ` +
      'Check the spelling, and whether the application sets up the extension that brings this command.',
  },
  // What docker/healthcheck.sh says.
  {
    pattern: /^GET (\S+) answered 404$/m,
    say: ([, path]) => `The application has no ${path}. Set HEALTH_PATH in .env.docker to a path that answers without a login, ${again}`,
  },
  {
    pattern: /^GET (\S+) answered 400$/m,
    say:
      'Likely: the application answers to its own names alone (ALLOWED_HOSTS, trusted hosts), and the check asks as "localhost". ' +
      `Set HEALTH_HOST in .env.docker to one of those names, ${again}`,
  },
  {
    pattern: /^GET (\S+) answered 40[13]$/m,
    say: ([, path]) => `${path} wants a login. Set HEALTH_PATH in .env.docker to a path that answers without one, ${again}`,
  },
  {
    pattern: /^nothing listens on port (\d+)$/m,
    say: ([, port]) => `Likely: it still starts (raise --timeout), or it listens elsewhere. It has to listen on 0.0.0.0:${port}, the port in $PORT.`,
  },
]
