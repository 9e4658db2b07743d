/** Compares what Markdown says of this repository with the repository: links, commands, settings, paths, services. */
import { posix } from 'node:path'
import { lexer, walkTokens, type Token } from 'marked'

export interface Script {
  flags: readonly string[]
  /** Those of them that a value follows. */
  withValue: readonly string[]
  /** What else it takes; null when that is anything. */
  words: readonly string[] | null
}

/** What there is. */
export interface Repository {
  files: readonly string[]
  /** The text of a Markdown file. */
  read(file: string): string
  /** Scripts of package.json; null is one of which nothing is known. */
  scripts: ReadonlyMap<string, Script | null>
  settings: readonly string[]
  services: readonly string[]
}

/** Environment variables that are no settings: of this project's scripts, of tools, and of applications. Add yours. */
const otherVariables = new Set([
  // A capability.
  'NET_BIND_SERVICE',
  'EMBEDDED_ENGINE', 'PRIVATE_ENGINE_DIR', 'XDG_CACHE_HOME',
  'TEST_COMPOSE_FILES', 'TEST_COMPOSE', 'TEST_RANDOM_FILES', 'TEST_EXTRA_CA_FILE', 'TEST_PYTHON_IMAGE',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'PIP_CERT', 'NODE_EXTRA_CA_CERTS', 'DOCKER_HOST', 'DOCKER_DEFAULT_PLATFORM',
  'PIP_EXTRA_INDEX_URL', 'UV_INDEX_CORP_USERNAME', 'UV_INDEX_CORP_PASSWORD', 'POETRY_HTTP_BASIC_CORP_USERNAME', 'POETRY_HTTP_BASIC_CORP_PASSWORD',
  'GIT_CONFIG_COUNT', 'GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_0', 'NPM_TOKEN',
  'REDISCLI_AUTH', 'VALKEYCLI_AUTH', 'FLOWER_BASIC_AUTH',
  'NEW_DATABASE_URL', 'CARTESIA_API_KEY', 'ELEVENLABS_API_KEY', 'SECURE_PROXY_SSL_HEADER', 'SQLALCHEMY_DATABASE_URI', 'CELERY_BROKER_URL',
  'ALLOWED_HOSTS', 'SHOP_TOKEN', 'CACHE_URL', 'DJANGO_ALLOWED_HOSTS', 'DJANGO_DEBUG', 'DJANGO_SECRET_KEY', 'MAIL_SERVER', 'MAIL_PORT', 'MAIL_URL', 'MAIL_USE_TLS', 'EMAIL_HOST', 'EMAIL_PORT', 'EMAIL_USE_TLS', 'MODEL_CACHE',
  'LOUDNESS_LUFS', 'UPLOAD_LIMIT_MB', 'API_URL', 'APP_CA', 'AWS_ACCESS_KEY_ID', 'AWS_CA_BUNDLE', 'AWS_ENDPOINT_URL_S3', 'AWS_SECRET_ACCESS_KEY', 'CERT_REQUIRED', 'CURL_CA_BUNDLE', 'DJANGO_SETTINGS_MODULE', 'FORWARDED_ALLOW_IPS', 'REQUESTS_CA_BUNDLE', 'FRONTEND_ROOT', 'MIGRATE_WAITS_FOR', 'TEST_DATABASE_URL', 'UPLOAD_FOLDER',
  'END_FROZEN',
  // A mistake that a page shows.
  'WEB_SEVER',
])

/** Files that are named but not tracked: made on the machine, or by the owner of a copy. */
const untracked = new Set([
  '.env', '.env.app', '.env.app.example', '.env.docker', '.env.production', '.env.staging', '.env.cluster', '.env.kubernetes', 'docker/LICENSE', 'app/.git', 'app/.venv', 'tests/__init__.py', 'compose.mine.yaml', 'compose.mine.override.yaml', 'compose.mine.production.yaml', 'daemon.json', 'template/examples/podcast/.env.app', 'report.json', '.env.frontend', '.env.flower', 'template/tests/docker/managed/certificates', 'fly.toml', 'template/examples/dashboard/.env.app',
])

/** Endings of files of this repository that nobody else's example is likely to have. */
const ownEnding = /\.(?:bash|bats|css|hcl|json|md|sh|toml|ts|ya?ml)$|Dockerfile$/

/** Of Compose: subcommands whose words are services; of the last two only the first word is. */
const ofServices = /^(?:build|create|down|images|kill|logs|port|ps|pull|restart|rm|start|stop|top|up|watch|exec|run)$/
const takesValue =
  /^(?:--(?:entrypoint|env|env-file|file|filter|format|index|name|profile|progress|project-directory|project-name|publish|pull|rmi|scale|since|status|tail|timeout|until|user|volume|wait-timeout|workdir)|-[efnptuvw])$/
/** `-f` follows, `-t` has no value and `-v` deletes: they are short for something else there. */
const withoutValue: Record<string, RegExp> = { logs: /^-[ft]$/, exec: /^-[tT]$/, run: /^-[tT]$/, down: /^-v$/, rm: /^-[fv]$/, ps: /^-n$/ }

/** An anchor as GitHub makes it of a heading's words. */
const slug = (words: string): string =>
  words.toLowerCase().replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-')

/** The words of a heading without its markup. */
const plain = (token: Token): string =>
  'tokens' in token && token.tokens ? token.tokens.map((child) => plain(child)).join('') : 'text' in token ? String(token.text) : ''

/** Every anchor of a Markdown file; the second one of a name ends in -1. */
export function anchors(text: string): string[] {
  const seen = new Map<string, number>()
  return lexer(text).flatMap((token) => {
    if (token.type !== 'heading') return []
    const name = slug(plain(token))
    const count = seen.get(name) ?? 0
    seen.set(name, count + 1)
    return [count === 0 ? name : `${name}-${count}`]
  })
}

const isFolder = (path: string, files: readonly string[]): boolean => path === '.' || files.some((file) => file.startsWith(`${path}/`))

const exists = (path: string, { files }: Repository): boolean => {
  const clean = posix.normalize(path).replace(/\/$/, '')
  return files.includes(clean) || isFolder(clean, files)
}

function* linkMistakes(file: string, href: string, repository: Repository): Generator<string> {
  if (/^[a-z][a-z+.-]*:/i.test(href)) return
  const [path = '', anchor] = decodeURI(href).split('#')
  const target = path === '' ? file : posix.join(posix.dirname(file), path)
  if (!exists(target, repository)) yield `${href} leads to no file`
  else if (anchor && target.endsWith('.md') && !anchors(repository.read(target)).includes(anchor)) yield `${href} leads to no heading`
}

/** The words of a shell command up to where another begins. */
function commandWords(rest: string): string[] {
  const [command = ''] = rest.split(/[\n|;&<>#·]|\s…/)
  return (command.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll(/['",).]+$|^['"]/g, ''))
}

function* scriptMistakes(code: string, { scripts }: Repository): Generator<string> {
  // What builds a frontend is a script of that one.
  const ours = code.replaceAll(/^FRONTEND_BUILD_COMMAND=.*$/gm, '')
  for (const [, run, rest = ''] of ours.matchAll(/\bnpm (run |test\b)(.*)/g)) {
    const words = run === 'test' ? ['test', ...commandWords(rest)] : commandWords(rest)
    const [name, ...others] = words.filter((word, index) => !word.startsWith('-') || words.indexOf('--') <= index)
    // A bare `npm run`, or a place-holder: X, NAME, <name>, test:….
    if (name === undefined || !/^[a-z][\w:-]*$/.test(name)) continue
    const script = scripts.get(name)
    if (script === undefined) yield `npm run ${name} is no script of package.json`
    if (!script || others[0] !== '--') continue
    for (const [index, word] of others.entries()) {
      if (index === 0 || script.withValue.includes(others[index - 1]!)) continue
      const flag = word.replace(/=.*/, '')
      const isWrong = flag.startsWith('-') ? !script.flags.includes(flag) : /^[a-z]/.test(word) && script.words?.includes(word) === false
      if (isWrong) yield `npm run ${name} does not know ${flag}`
    }
  }
}

/** A `-- --flag` by itself: of whichever script the sentence speaks. */
function* looseFlagMistakes(code: string, { scripts }: Repository): Generator<string> {
  const [, flag] = /^-- (--?[\w-]+)/.exec(code) ?? []
  if (flag && ![...scripts.values()].some((script) => script?.flags.includes(flag))) yield `no script knows ${flag}`
}

function* settingMistakes(code: string, { settings }: Repository): Generator<string> {
  for (const [name] of code.matchAll(/(?<![\w…])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?!\w)/g)) {
    // The entrypoint reads any setting from a file as well.
    const known = [name, name.replace(/_FILE$/, '')].some((one) => settings.includes(one) || otherVariables.has(one))
    if (!known) yield `${name} is neither in .env.docker.example nor a variable that tests/helpers/markdown.ts knows`
  }
  for (const [, prefix] of code.matchAll(/(?<!\w)([A-Z][A-Z0-9_]*_)[*…]/g)) {
    if (!settings.some((name) => name.startsWith(prefix!))) yield `no setting begins with ${prefix}`
  }
}

/** Whether these words could be a path of this repository. Container paths, images and other files are not checked. */
function* pathMistakes(file: string, code: string, repository: Repository): Generator<string> {
  const words = code.split(/\s+/).flatMap((word) => (word.startsWith('COMPOSE_FILE=') ? word.slice('COMPOSE_FILE='.length).split(':') : word))
  for (const word of words) {
    const path = word.replaceAll(/^['"]|['",;.]+$/g, '').replace(/^\.\//, '')
    if (!/^\.?[\w@-][\w.@-]*(?:\/[\w.@-]+)*\/?$/.test(path) || /\bNAME\b/.test(path)) continue
    const [first = '', ...below] = path.split('/')
    const isOurs = below.length > 0 && isFolder(first, repository.files)
    if (!isOurs && !ownEnding.test(path) && !path.startsWith('.env')) continue
    const bare = below.length === 0 && repository.files.some((name) => posix.basename(name) === path)
    const found = bare || untracked.has(path) || exists(path, repository) || exists(posix.join(posix.dirname(file), path), repository)
    if (!found) yield `${path} is no file or folder`
  }
}

function* composeMistakes(code: string, { services }: Repository): Generator<string> {
  for (const [, rest = ''] of code.matchAll(/\bdocker compose (.*)/g)) {
    let [command, scale, skip]: [string, boolean, boolean] = ['', false, false]
    for (const word of commandWords(rest)) {
      if (scale && !services.includes(word.split('=')[0]!)) yield `docker compose has no service ${word.split('=')[0]}`
      if (skip) [scale, skip] = [false, false]
      else if (word.startsWith('-')) {
        skip = takesValue.test(word) && !withoutValue[command]?.test(word)
        scale = word === '--scale'
      } else if (command === '') {
        if (!ofServices.test(word)) break
        command = word
      } else {
        if (/^[a-z][a-z0-9-]*$/.test(word) && !services.includes(word)) yield `docker compose has no service ${word}`
        // What follows runs in the container.
        if (command === 'run' || command === 'exec' || command === 'port') break
      }
    }
  }
}

function* codeMistakes(file: string, text: string, repository: Repository): Generator<string> {
  // A command that goes on in the next line is one command.
  const code = text.replaceAll(/\\\n/g, ' ')
  yield* scriptMistakes(code, repository)
  yield* looseFlagMistakes(code, repository)
  yield* settingMistakes(code, repository)
  yield* pathMistakes(file, code, repository)
  yield* composeMistakes(code, repository)
}

function* tokenMistakes(file: string, token: Token, repository: Repository): Generator<string> {
  if (token.type === 'link' || token.type === 'image') yield* linkMistakes(file, String(token.href), repository)
  if (token.type === 'code' || token.type === 'codespan') yield* codeMistakes(file, String(token.text), repository)
  if (token.type === 'html') {
    for (const [, href] of token.raw.matchAll(/\b(?:href|src)="([^"]+)"/g)) yield* linkMistakes(file, href!, repository)
  }
}

const linesIn = (text: string): number => text.split('\n').length - 1

/** What is wrong, as `README.md:12  sentence`. */
export function mistakes(file: string, text: string, repository: Repository): string[] {
  const found: string[] = []
  let line = 1
  for (const block of lexer(text)) {
    void walkTokens([block], (token) => {
      const at = line + linesIn(block.raw.slice(0, Math.max(0, block.raw.indexOf(token.raw))))
      for (const sentence of tokenMistakes(file, token, repository)) found.push(`${file}:${at}  ${sentence}`)
    })
    line += linesIn(block.raw)
  }
  return found
}
