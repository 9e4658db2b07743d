import { describe, expect, test } from 'vitest'
import { judgeReadings, readingsIn } from '../../../scripts/lib/doctor/variables.ts'

const names = (line: string): string[] => readingsIn('a.py', line).map(({ name }) => name)

describe('what a line cannot do without', () => {
  test.each([
    ['TOKEN = os.environ["TOKEN"]', ['TOKEN']],
    ["url = environ['A_URL'] + environ[ 'B' ]", ['A_URL', 'B']],
    ['if os.environ["MODE"] == "x":', ['MODE']],
    ['os.environ["TOKEN"] = "x"', []],
    ['del os.environ["TOKEN"]', []],
    ['os.environ.get("TOKEN")', []],
    ['os.getenv("TOKEN")', []],
    ['request.environ["REMOTE_ADDR"]', []],
    ['environ["wsgi.input"]', []],
    ['x = 1  # os.environ["TOKEN"]', []],
    ['  # os.environ["TOKEN"]', []],
  ])('%s', (line, wanted) => expect(names(line)).toEqual(wanted))

  test('has its place', () => {
    expect(readingsIn('app/a.py', 'import os\n\nos.environ["TOKEN"]\n')).toEqual([{ name: 'TOKEN', file: 'app/a.py', line: 3 }])
  })
})

describe('of what is read', () => {
  const readings = [
    { name: 'TOKEN', file: 'app/a.py', line: 3 }, { name: 'GIVEN', file: 'app/a.py', line: 4 }, { name: 'TOKEN', file: 'app/b.py', line: 1 },
    { name: 'HOME', file: 'app/b.py', line: 2 }, { name: 'OTHER', file: 'app/b.py', line: 3 },
  ]

  test('each that nothing hands over is named once, at its first place', () => {
    const found = judgeReadings(readings, new Set(['GIVEN']))
    expect(found.map(({ level, text }) => `${level} ${text}`)).toEqual([
      'doubtful The application cannot do without TOKEN (app/a.py:3), and nothing hands it over.',
      'doubtful The application cannot do without OTHER (app/b.py:3), and nothing hands it over.',
    ])
  })

  test('nothing is said where nothing is read, and one line where all is there', () => {
    expect(judgeReadings([], new Set())).toEqual([])
    expect(judgeReadings(readings, new Set(['GIVEN', 'TOKEN', 'OTHER'])).map(({ level }) => level)).toEqual(['well'])
  })
})
