import { describe, expect, test, vi } from 'vitest'
import { checkImage } from '../../../scripts/check-image.ts'
import { copyDatabase } from '../../../extras/copy-database/copy-database.ts'
import { doctor } from '../../../scripts/doctor.ts'
import { env } from '../../../scripts/env.ts'
import type { Command } from '../../../scripts/lib/command.ts'
import { defineCommand, parse, renderHelp, report, requireAllOptions } from '../../../scripts/lib/command.ts'
import { CliError } from '../../../scripts/lib/errors.ts'
import { lint } from '../../lint/lint.ts'
import { migrate } from '../../../scripts/migrate.ts'
import { seed } from '../../../scripts/seed.ts'
import { teardown } from '../../../scripts/teardown.ts'
import { testDocker } from '../../../tests/docker/run.ts'
import { up } from '../../../scripts/up.ts'
import { Sandbox } from '../../../tests/helpers/sandbox.ts'

const sample = defineCommand({
  name: 'sample',
  summary: 'Do something.',
  options: {
    loud: { type: 'boolean', short: 'l', help: 'Say it' },
    timeout: { type: 'string', value: 'seconds', help: 'How long' },
  },
  run: () => Promise.resolve(),
})
const withWords = defineCommand({ ...sample, positionals: { choices: ['start', 'stop'], help: 'What to do.' } })
const flag = { type: 'boolean', help: '' } as const
const wide = { name: 'sample', options: { strict: flag, 'dry-run': flag, timeout: flag, 'no-build': flag, json: flag, yes: flag } }

const commands = [checkImage, copyDatabase, doctor, env, lint, migrate, seed, teardown, testDocker, up] as unknown as Command[]

describe('arguments', () => {
  test('are read by the table of the command', () => {
    expect(parse(sample, ['-l', '--timeout', '5']).values).toEqual({ loud: true, timeout: '5' })
    expect(parse(sample, ['--timeout=']).values).toEqual({ timeout: '' })
    expect(parse(sample, []).values).toEqual({})
    expect(parse(sample, ['-h']).values).toEqual({ help: true })
    expect(parse(withWords, ['stop', '--loud'])).toMatchObject({ values: { loud: true }, positionals: ['stop'] })
  })

  test.each<[argv: string[], message: string, meant?: string]>([
    [['--lout'], "Unknown option '--lout'.", 'Did you mean --loud? '],
    [['--hlp'], "Unknown option '--hlp'.", 'Did you mean --help? '],
    [['--quite'], "Unknown option '--quite'."],
    [['-x'], "Unknown option '-x'."],
    [['--timeout'], "Option '--timeout <value>' argument missing."],
    [['--loud=yes'], "Option '-l, --loud' does not take an argument."],
    [['word'], "Unexpected argument 'word'."],
  ])('%j end with 2 and a whole sentence', (argv, message, meant = '') => {
    let error: unknown
    try {
      parse(sample, argv)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(CliError)
    expect(error).toMatchObject({ exitCode: 2, hint: `${meant}npm run sample -- --help lists the options.` })
    expect((error as CliError).message.split(/(?<=\.) /)[0]).toBe(message)
  })

  test('that are none of the words end with 2 and the words', () => {
    expect(() => parse(withWords, ['restart'])).toThrow('"restart" is not one of start, stop.')
  })

  test.each(commands)('with a mistyped flag end $name with 2', (command) => {
    expect(() => parse(command, ['--jsno'])).toThrow("Unknown option '--jsno'.")
  })
})

test.each<[env: Record<string, string>, taken: string]>([
  [{ npm_config_strict: 'true', npm_config_dry_run: 'true' }, '--strict and --dry-run'],
  [{ npm_config_timeout: '5' }, '--timeout'],
  [{ npm_config_build: '' }, '--no-build'],
])('with %j npm has taken %s for itself', (variables, taken) => {
  expect(() => requireAllOptions(wide, variables)).toThrow(`npm took ${taken} for itself.`)
})

test.each([{ npm_config_build: 'true', npm_config_strict: '', STRICT: '1' }, { npm_config_json: 'true', npm_config_yes: 'true' }])(
  'of %j npm has taken nothing', (variables) => {
    expect(() => requireAllOptions(wide, variables)).not.toThrow()
  })

describe('the help', () => {
  test.each(commands.filter(({ name }) => name !== 'env'))('of $name', (command) => {
    expect(renderHelp(command)).toMatchSnapshot()
  })

  test.each(commands)('of $name fits a terminal of 110 columns', (command) => {
    const widest = renderHelp(command).split('\n').toSorted((a, b) => b.length - a.length)[0]
    expect(widest?.length, widest).toBeLessThanOrEqual(110)
  })

  test('names the words of a command, and leaves out what a command does not have', () => {
    expect(renderHelp(withWords)).toContain('Usage: npm run sample -- <start|stop> [options]\n\nWhat to do.\n\nOptions:\n')
    expect(renderHelp(sample)).toBe(
      [
        'Do something.', '', 'Usage: npm run sample -- [options]', '', 'Options:',
        '  -l, --loud               Say it', '      --timeout <seconds>  How long', '  -h, --help               Show this help',
      ].join('\n'),
    )
  })
})

describe('a failure', () => {
  const reported = (error: unknown, json: boolean) => {
    const written = { stdout: '', stderr: '' }
    const spies = (['stdout', 'stderr'] as const).map((stream) =>
      vi.spyOn(process[stream], 'write').mockImplementation((text) => {
        written[stream] += String(text)
        return true
      }),
    )
    const errors = vi.spyOn(console, 'error').mockImplementation((value) => void (written.stderr += (value as Error).stack ?? ''))
    const code = report(error, json)
    for (const spy of [...spies, errors]) spy.mockRestore()
    return { code, ...written }
  }

  test('that we expected has its own exit code, and no stack', () => {
    const { code, stdout, stderr } = reported(new CliError('No.', { exitCode: 6 }), false)
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' })
    expect(stderr).toContain('No.\n')
    expect(stderr).not.toContain('    at ')
  })

  test('is also printed as one object for programs', () => {
    const { stdout, stderr } = reported(new CliError('No.', { details: 'd', hint: 'h', exitCode: 3 }), true)
    expect(JSON.parse(stdout)).toEqual({ ok: false, failure: { message: 'No.', details: 'd', hint: 'h', exitCode: 3 } })
    expect(stderr).toContain('No.\n')
  })

  test('that is a bug of ours ends with 1, keeps its stack trace, and is one object too', () => {
    const { code, stdout, stderr } = reported(new TypeError('x is not a function'), true)
    expect(code).toBe(1)
    expect(JSON.parse(stdout)).toEqual({ ok: false, failure: { message: 'TypeError: x is not a function', exitCode: 1 } })
    expect(stderr).toContain('    at ')
  })
})

describe.concurrent('as a program', () => {
  test('a mistyped flag ends with 2, starts nothing, and is one object with --json', async () => {
    const box = new Sandbox()
    const { code, stdout, stderr } = await box.run('up', ['--dryrun', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, failure: { message: "Unknown option '--dryrun'.", exitCode: 2 } })
    expect(stderr).toBe("✗ Unknown option '--dryrun'.\n  → Did you mean --dry-run? npm run up -- --help lists the options.\n")
    expect(box.calls()).toEqual([])
  })

  test('a flag that npm took for itself ends with 2, and starts nothing', async () => {
    const box = new Sandbox()
    const { code, stderr } = await box.run('up', ['5'], { env: { npm_config_dry_run: 'true', npm_config_timeout: 'true' } })
    expect(code).toBe(2)
    expect(stderr).toBe(
      '✗ npm took --timeout and --dry-run for itself.\n'
      + '  → Write -- in front: npm run up -- --timeout <seconds> --dry-run\n')
    expect(box.calls()).toEqual([])
  })

  test('--help prints the help on standard output, and does nothing', async () => {
    const box = new Sandbox()
    expect(await box.run('up', ['--help'])).toEqual({ code: 0, stdout: `${renderHelp(up)}\n`, stderr: '' })
    expect(box.calls()).toEqual([])
  })

  test('a reader that has seen enough is no failure', async () => {
    const box = new Sandbox()
    expect((await box.run('teardown', ['--help'], { closed: true })).code).toBe(0)
  })
})

test('npm run engine has its help and its strictness too', async () => {
  const box = new Sandbox()
  const [help, mistake] = await Promise.all([box.run('extras/offline/engine', ['--help']), box.run('extras/offline/engine', ['--jsno'])])
  expect(help.stdout).toMatchSnapshot()
  expect(mistake).toMatchObject({ code: 2, stdout: '' })
  expect(box.calls()).toEqual([])
})
