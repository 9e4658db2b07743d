import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lookAround } from '../../../scripts/lib/env/subject.ts'
import { readText } from '../helpers/repository.ts'

const cwd = process.cwd()
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'env machine '))
  process.chdir(folder)
})
afterAll(() => {
  process.chdir(cwd)
  rmSync(folder, { recursive: true })
})

const git = (...args: string[]): unknown => execFileSync('git', args, { cwd: folder, stdio: 'pipe' })

async function knows(name: string): Promise<string | undefined> {
  const path = join(folder, name)
  writeFileSync(path, '', { mode: 0o600 })
  return (await lookAround(path)).git
}

test('without a repository nothing is said of git', async () => {
  expect(await knows('.env.docker')).toBeUndefined()
})

describe('in a repository with our .gitignore', () => {
  beforeAll(() => {
    git('init', '--quiet')
    writeFileSync(join(folder, '.gitignore'), readText('.gitignore'))
  })

  test.each(['.env.docker', '.env.app', '.env.staging', '.env.app.staging', '.env.docker.bak'])('%s is ignored', async (name) => {
    expect(await knows(name)).toBe('ignored')
  })

  test.each(['.env.docker.example', '.env.example', '.env.sample', 'staging.env', 'env.docker'])('%s is not', async (name) => {
    expect(await knows(name)).toBe('neither')
  })

  test('a file that was added is tracked', async () => {
    await knows('staging.env')
    git('add', 'staging.env')
    expect(await knows('staging.env')).toBe('tracked')
  })
})
