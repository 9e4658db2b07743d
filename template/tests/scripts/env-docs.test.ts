import { describe, expect, test } from 'vitest'
import { settingsDocs } from '../../../scripts/lib/env/docs.ts'
import { docPages } from '../../../scripts/lib/env/pages.ts'
import { parseSchema } from '../../../scripts/lib/env/schema.ts'
import { files, readText } from '../helpers/repository.ts'

test.each(Object.entries(await docPages()))('%s is what the sources make of it today', (page, text) => {
  const written = files.includes(page) ? readText(page) : ''
  expect(written === text, `${page} is stale. This writes it: npm run env -- --docs`).toBe(true)
})

const example = `# What stands before the first heading is about the file.

# --- Web ---
# It listens.

# Port on this machine, not APP_PORT; see docs/production.md. With a * and a | in it.
# @type=port(min=1024) @service(web, compose)
WEB_PORT=8000

# What follows goes together.

# Key.
# @sensitive @optional @example="abc" @docs(https://example.com/key) @service(build, scripts)
KEY=local-only

# Made.
# @required @sensitive @generate=hex(8)
MADE=

# Hosts, like \${WEB_PORT}.
# @required=forEnv(production) @deprecated="Use WEB_PORT."
HOSTS=
`
const page = settingsDocs(parseSchema(example, 'example'), example)
const section = (name: string): string => page.split(`### ${name}\n`)[1]!.split(/^##/m)[0]!

describe('the page', () => {
  test.each<[setting: string, lines: string[]]>([
    ['WEB_PORT', [
      'Port on this machine, not APP_PORT; see [docs/production.md](production.md). With a \\* and a \\| in it.',
      '- Value: a port number from 1024 to 65535. Must not be empty.',
      '- Default: `8000`',
      '- Read by: `web`, Compose itself',
    ]],
    ['KEY', [
      '- Value: any text. May be empty. For example `abc`.',
      '- Default: not shown here, because it is a secret',
      '- Read by: the build of the image, the npm scripts',
      '- Secret: never printed without being asked for.',
      '- More: <https://example.com/key>',
    ]],
    ['MADE', ['- Default: made by `npm run env -- --init`']],
    ['HOSTS', [
      '**Deprecated.** Use [`WEB_PORT`](#web_port).',
      'Hosts, like ${WEB_PORT}.',
      '- Value: any text. Must not be empty in production.',
    ]],
  ])('says of %s', (setting, lines) => {
    for (const line of lines) expect(section(setting).split('\n')).toContain(line)
  })

  test('never has the value of a secret', () => expect(page).not.toContain('local-only'))

  test('lists the settings of each section, and says what is about all of them', () => {
    expect(page).toContain('- [Web](#web): [`WEB_PORT`](#web_port), [`KEY`](#key)')
    expect(page).toContain('## Web\n\nIt listens.\n\n### WEB_PORT')
    expect(page).toContain('What follows goes together.\n\n### KEY')
    expect(page).not.toContain('before the first heading')
  })
})
