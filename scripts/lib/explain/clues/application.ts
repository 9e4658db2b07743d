/** The application: what cannot be imported, a setting that names what is not there, a health check that it answers wrongly. */
import { again, commandOf } from './clue.ts'
import type { Clue } from './clue.ts'

/** A variable of the application's own, which no service is handed. */
const wantsVariable = (name: string): string =>
  `application cannot do without the variable ${name}, and nothing hands it over. Write ${name}=… into .env.app (or the file that APP_ENV_FILE names), ${again}`

export const applicationClues: readonly Clue[] = [
  {
    pattern: /Failed to find attribute '([^']+)' in '([^']+)'/,
    say: (match) => `WEB_APP names "${match[1]}", which "${match[2]}" does not have. Correct it in .env.docker, ${again}`,
  },
  {
    pattern: /ModuleNotFoundError: No module named '([^']+)'/,
    say: (match, { explainModule }) =>
      explainModule?.(match[1] ?? '') ??
      `"${match[1]}" is not in the image. A module of yours: compare WEB_APP, CELERY_APP and APP_PYTHONPATH with the folder, and see .dockerignore. ` +
      'A package: it is missing in PYTHON_MANIFEST.',
  },
  {
    // Of uvicorn, which prints no traceback.
    pattern: /Error loading ASGI app\. (?:Could not import module "([^"]+)"|Attribute "([^"]+)" not found in module "([^"]+)"|Import string "([^"]+)" must be in format)/,
    say: ([, module, attribute, parent, whole]) =>
      `WEB_APP names ${module ? `the module "${module}", which is not in the source, or cannot be imported` : attribute ? `"${attribute}", which "${parent}" does not have` : `"${whole}", and is written module:object`}. ` +
      `Correct it in .env.docker, ${again}`,
  },
  {
    pattern: /__call__\(\) missing \d+ required positional arguments?: (?:'receive' and )?'(send|start_response)'/,
    say: ([, argument]) =>
      argument === 'send'
        ? `The application is ASGI (FastAPI, Starlette), and gunicorn speaks WSGI with it. WEB_SERVER=uvicorn in .env.docker, ${again}`
        : `The application is WSGI (Flask, Django), and uvicorn speaks ASGI with it. WEB_SERVER=gunicorn in .env.docker, ${again}`,
  },
  {
    pattern: /Requested settings?, but settings are not configured|must either define the environment variable DJANGO_SETTINGS_MODULE/,
    say: () => `Nobody has told Django where its settings are: DJANGO_SETTINGS_MODULE=package.settings in .env.app (or the file that APP_ENV_FILE names), ${again}`,
  },
  {
    pattern: /Unable to load celery application\.\s+(?:The module (\S+) was not found|Module '([^']+)' has no attribute '([^']+)')/,
    say: ([, module, parent, attribute]) =>
      `CELERY_APP names ${module ? `the module "${module}", which is not in the source` : `"${attribute}", which "${parent}" does not have`}. ` +
      `Correct it in .env.docker, ${again}`,
  },
  {
    pattern: /Error: No such command 'flower'/,
    say: () => "Flower is not installed: PYTHON_EXTRA_PACKAGES='flower' in .env.docker, or take flower out of COMPOSE_PROFILES. Then run npm run up again.",
  },
  {
    // os.environ of Python, django-environ, python-decouple, environs.
    pattern:
      /File "(?:<frozen os>|[^"]*\/os\.py)", line \d+, in __getitem__\n(?: {4}.*\n)*KeyError: '(\w+)'|Set the (\w+) environment variable|UndefinedValueError: (\w+) not found|Environment variable "(\w+)" not set/,
    say: ([, ...names]) => `The ${wantsVariable(names.find(Boolean)!)}`,
  },
  {
    // pydantic-settings: the field, from which the name of the variable is made.
    pattern: /ValidationError: \d+ validation errors? for \w*(?:Settings|Config|Env)\w*\n(\w+)\n {2}Field required/i,
    say: ([, field]) => `Likely (where a prefix is set, it comes in front): the ${wantsVariable(field!.toUpperCase())}`,
  },
  {
    // A traceback whose last line of code stands outside of every function.
    pattern: /File "([^"]+)", line (\d+), in <module>\n(?: {4}.*\n)*\w[\w.]*(?:Error|Exception)\b/,
    say: ([, file, line]) => `The application could not be imported, because of line ${line} of ${file}. Mend it, ${again}`,
  },
  {
    pattern: /\b(?:ImportError|SyntaxError|IndentationError|TabError): /,
    say: () => `The application could not be imported. Mend it, ${again}`,
  },
  {
    // Behind the import errors: a tool that cannot import the application has none of its commands either.
    pattern: /Error: No such command '([^']+)'/,
    say: ([, command], { role }) =>
      `${commandOf(role)} asks for "${command}", which the application does not offer. ` +
      'Is it spelt well, and is the extension that brings it set up in the application?',
  },
  {
    pattern: /^GET (\S+) answered 404$/m,
    say: ([, path]) => `The application has no ${path}. Set HEALTH_PATH in .env.docker to a path that answers without a login, ${again}`,
  },
  {
    pattern: /^GET (\S+) answered 400$/m,
    say: () =>
      'Likely: the application answers to its own names alone (ALLOWED_HOSTS, trusted hosts), and the check asks as "localhost". ' +
      `Set HEALTH_HOST in .env.docker to one of those names, ${again}`,
  },
  {
    pattern: /^GET (\S+) answered 40[13]$/m,
    say: ([, path]) => `${path} wants a login. Set HEALTH_PATH in .env.docker to a path that answers without one, ${again}`,
  },
  {
    pattern: /^nothing listens on port (\d+)$/m,
    say: ([, port]) => `Likely: it still starts (raise --timeout), or it listens elsewhere than on 0.0.0.0:${port}, where $PORT says it has to.`,
  },
]
