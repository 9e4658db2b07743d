import { expect, test } from 'vitest'
import { longFiles, parts, sizes } from '../../size.ts'

const lines = new Map([
  ['Dockerfile', 100],
  ['README.md', 50],
  ['package-lock.json', 9000],
  ['docs/images/page.png', 700],
  ['docs/design.md', 120],
  ['scripts/up.ts', 251],
  ['scripts/lib/errors.ts', 30],
  ['app/shop/api.py', 400],
  ['template/adopt.ts', 400],
  ['extras/offline/engine.ts', 200],
  ['.github/workflows/ci.yml', 80],
])

test('a copy is counted without the template, rooms, the application, lock files and pictures', () => {
  const found = sizes(parts(['offline']), lines).map(({ part, files, lines: count }) => [part.name, files, count])
  expect(found).toEqual([
    ['all of the copy', 5, 551],
    ['root assets', 1, 100],
    ['docker', 0, 0],
    ['scripts', 2, 281],
    ['tests', 0, 0],
    ['docs', 1, 120],
    ['extras/offline', 1, 200],
  ])
})

test('a file that is too long to read in one go is named', () => {
  expect(longFiles(lines)).toEqual([['scripts/up.ts', 251]])
})
