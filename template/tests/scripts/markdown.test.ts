import { describe, expect, test } from 'vitest'
import { anchors, mistakes, type Repository } from '../helpers/markdown.ts'
import { files, npmScripts, readText, services, settings } from '../helpers/repository.ts'

const here: Repository = { files, read: readText, scripts: await npmScripts(), settings, services }

// The pages that adopt writes lead to files of a copy.
test.each(files.filter((file) => file.endsWith('.md') && !file.startsWith('template/adopt/files/')))('%s names nothing that is not there', (file) => {
  expect(mistakes(file, readText(file), here)).toEqual([])
})

/** A repository that the tests below know completely. */
const small: Repository = {
  files: ['README.md', 'docs/guide.md', 'docs/images/page.png', 'app/stories/api.py', 'compose.yaml', 'extras/offline/compose.yaml', 'scripts/up.ts', '.env.docker.example'],
  read: () => '# Guide\n\n## The first start, `up`\n\n## Twice\n\n## Twice\n',
  scripts: new Map([
    ['up', { flags: ['--json', '--no-build', '--help', '-h'], withValue: [], words: [] }],
    ['engine', { flags: ['--yes', '-y'], withValue: [], words: ['start', 'stop'] }],
    ['test', { flags: ['--only'], withValue: ['--only'], words: ['shell'] }],
    ['test:docker', { flags: ['--only'], withValue: ['--only'], words: ['shell'] }],
    ['build', null],
  ]),
  settings: ['WEB_PORT', 'COMPOSE_FILE', 'S3_BUCKET', 'POSTGRES_IMAGE'],
  services: ['web', 'worker', 'postgres'],
}

const unknown = (name: string): string => `${name} is neither in .env.docker.example nor a variable that tests/helpers/markdown.ts knows`

describe('a mistake is found:', () => {
  test.each([
    ['a link to no file', '[a](guide.md)', 'guide.md leads to no file'],
    ['a link to no file in a table', '| a |\n|---|\n| [a](docs/gide.md) |', 'docs/gide.md leads to no file'],
    ['a link with a title', '[a](docs/gide.md "Guide")', 'docs/gide.md leads to no file'],
    ['a link by a name', '[a][g]\n\n[g]: docs/gide.md', 'docs/gide.md leads to no file'],
    ['an image that is not there', '![a](docs/images/pag.png)', 'docs/images/pag.png leads to no file'],
    ['an image as HTML', '<img src="docs/images/pag.png">', 'docs/images/pag.png leads to no file'],
    ['a link to no heading', '[a](docs/guide.md#the-start)', 'docs/guide.md#the-start leads to no heading'],
    ['a link to no heading of the same file', '[a](#nowhere)', '#nowhere leads to no heading'],
    ['a script that is not there', 'Run `npm run upp`.', 'npm run upp is no script of package.json'],
    ['a script in a block', '```sh\nnpm ci && npm run strat\n```', 'npm run strat is no script of package.json'],
    ['a script behind a flag of npm', '    npm run --silent upp -- --json', 'npm run upp is no script of package.json'],
    ['a flag that a script does not know', '`npm run up -- --no-biuld`', 'npm run up does not know --no-biuld'],
    ['a flag on a second line', '```\nnpm run up -- \\\n  --jsn\n```', 'npm run up does not know --jsn'],
    ['a flag with a value', '`npm test -- --onli=stack`', 'npm run test does not know --onli'],
    ['a word that a script does not know', '`npm run engine -- halt`', 'npm run engine does not know halt'],
    ['a flag of no script at all', 'It takes `-- --forse` too.', 'no script knows --forse'],
    ['a setting that is not there', 'Set `WEB_PROT`.', unknown('WEB_PROT')],
    ['a setting with a value', '    WEB_PROT=8000   # the port', unknown('WEB_PROT')],
    ['a setting that is referred to', '`A=${WEB_PROT:-8000}`', unknown('WEB_PROT')],
    ['a family of settings', '`MARIADB_*`', 'no setting begins with MARIADB_'],
    ['a path', 'See `app/stories/apy.py`.', 'app/stories/apy.py is no file or folder'],
    ['a path in a command', '    cp .env.docker.exmple .env.docker', '.env.docker.exmple is no file or folder'],
    ['a file by its name', '`compose.overide.yaml`', 'compose.overide.yaml is no file or folder'],
    ['a folder', '`scripts/lib/`', 'scripts/lib/ is no file or folder'],
    ['a file in COMPOSE_FILE', '    COMPOSE_FILE=compose.yaml:docker/ofline/compose.yaml', 'docker/ofline/compose.yaml is no file or folder'],
    ['a service', '`docker compose exec postgre psql -U postgres`', 'docker compose has no service postgre'],
    ['a service among others', '`docker compose --env-file x.env up -d --wait web wroker`', 'docker compose has no service wroker'],
    ['a service behind flags with values', '`docker compose logs --tail 20 -f wroker`', 'docker compose has no service wroker'],
    ['a service that is scaled', '`docker compose up --scale wroker=3`', 'docker compose has no service wroker'],
    ['a service on a second line', '```\ndocker compose run --rm \\\n  wep pytest\n```', 'docker compose has no service wep'],
  ])('%s', (_, text, sentence) => {
    expect(mistakes('README.md', text, small).map((found) => found.replace(/^README\.md:\d+ {2}/, ''))).toEqual([sentence])
  })
})

describe('nothing is wrong with', () => {
  test.each([
    ['links that lead somewhere', '[a](docs/guide.md) [b](docs) [c](docs/guide.md#the-first-start-up) [d](docs/guide.md#twice-1) [e](.)'],
    ['links to elsewhere', '[a](https://example.org/x.md) <http://localhost:8000> [b](mailto:a@example.org)'],
    ['text that looks like a link', '`[a](nowhere.md)` and \\[b](nowhere.md)'],
    ['commands of npm', '`npm ci && npm run up` `npm run --silent up -- --json | jq .urls` `npm run build -- --anything` `npm test`'],
    ['words and place-holders for a script', '`npm run engine -- stop` `npm run X -- --flag` `npm run test:docker -- --only stack` `npm run`'],
    ['a command in a sentence of code', '`npm run up · docker compose logs -f web · npm run engine -- start`'],
    ['a comment behind a command', '    npm run engine -- stop      # and start; --all is not there'],
    ['settings and other variables', '`WEB_PORT=1` `S3_*` `…_IMAGE` `EMBEDDED_ENGINE=never` `$PORT` `x_WEB_PROT`'],
    ['capitals in prose', 'WEB_PROT is no code, and `POST /api` and `SIGTERM` are no settings.'],
    ['paths', '`app/stories/` `./compose.yaml` `api.py` `.env.docker` `docs`'],
    ['paths of others', '`/app/tests` `~/.cache/x.json` `linux/amd64` `valkey/valkey:9.1` `src/shop/tasks.py` `manage.py` `scripts/NAME.ts` `actions/checkout` `http://a/b.md`'],
    ['services and what runs in them', '`docker compose exec -T postgres psql shop` `docker compose run --rm web test -k name` `docker compose logs SERVICE`'],
    ['flags with values', '`docker compose --env-file .env.docker --profile tools up --detach --scale worker=3 --wait-timeout 60 worker`'],
    ['other commands of Compose', '`docker compose config --format json` `docker compose version` `docker compose …`, `docker compose cp web:/x y`'],
    ['the end of a sentence', 'Then (`docker compose up web`) and `docker compose logs web | grep wroker`.'],
  ])('%s', (_, text) => {
    expect(mistakes('README.md', text, small)).toEqual([])
  })

  test('a path that is seen from the folder of its page, or its own link', () => {
    expect(mistakes('app/README.md', '`stories/api.py` [a](stories/api.py) [b](../docs/guide.md)', small)).toEqual([])
  })
})

test('a mistake is named with its file and its line', () => {
  const text = '# Title\n\nSome text.\n\n- one\n- two `WEB_PROT`\n\n| a |\n|---|\n| `npm run upp` |\n'
  expect(mistakes('docs/guide.md', text, small)).toEqual([
    `docs/guide.md:6  ${unknown('WEB_PROT')}`,
    'docs/guide.md:10  npm run upp is no script of package.json',
  ])
})

test.each([
  ['## The first start', 'the-first-start'],
  ['## Where no engine answers: `npm run engine`', 'where-no-engine-answers-npm-run-engine'],
  ['## What’s in [a link](x.md)?', 'whats-in-a-link'],
  ['## Über_uns & more', 'über_uns--more'],
])('the anchor of "%s" is %s', (heading, anchor) => {
  expect(anchors(heading)).toEqual([anchor])
})
