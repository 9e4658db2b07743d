/** The figures for people, and for programs. Pure. */
import { compare, isMet, summarise, type Budget, type Row, type Unit } from './figures.ts'

const digits: Record<Unit, number> = { s: 2, ms: 2, MB: 1 }

const amount = (value: number, unit: Unit): string => `${value.toFixed(digits[unit])} ${unit}`

const signed = (value: number, unit: Unit): string => `${value < 0 ? '' : '+'}${amount(value, unit)}`

const times = (value: number): string => `× ${value.toFixed(2)}`

function limit({ most, of }: Budget, unit: Unit): string {
  if (of === 'ratio') return times(most)
  return of === 'difference' ? signed(most, unit) : amount(most, unit)
}

const heading = ['', '', 'budget', 'min', 'median', 'max', 'over plain', 'ratio', 'plain', '']

function cells({ title, unit, budget, plain, measured, missing }: Row): string[] {
  const met = isMet({ ...(budget && { budget }), measured })
  const sign = met === undefined ? ' ' : met ? '✓' : '✗'
  const start = [sign, title, budget ? limit(budget, unit) : '']
  if (!measured) return [...start, missing?.failed ? 'failed' : 'left out']
  const { min, median, max } = summarise(measured.samples)
  const compared = compare(measured)
  return [
    ...start,
    ...[min, median, max].map((value) => amount(value, unit)),
    ...(compared
      ? [signed(compared.difference.median, unit), times(compared.ratio.median), amount(summarise(measured.plain!).median, unit), plain ?? '']
      : []),
  ]
}

/** Columns as wide as their widest cell; numbers stand at the right of theirs, and nothing ends in blanks. */
function align(table: readonly string[][], isText: (column: number) => boolean): string[] {
  const columns = Math.max(...table.map(({ length }) => length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  return table.map((row) =>
    row.map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ').trimEnd())
}

/** The notes below the table: why a budget is missed or a figure is missing, and what the figures are made of. */
function remarks(rows: readonly Row[]): string[] {
  const why = rows.flatMap(({ title, measured, missing }) => {
    const reason = measured?.flaw ?? missing?.why
    return reason ? [`${title}: ${reason}`] : []
  })
  const parts = rows.flatMap(({ title, unit, measured }) => {
    if (!measured?.parts) return []
    const lines = align(measured.parts.map(({ name, value }) => ['', name, amount(value, unit)]), (column) => column < 2)
    return ['', `${title}:`, ...lines]
  })
  return [...(why.length > 0 ? ['', ...why] : []), ...parts]
}

/** The table, with its notes below. */
export const renderTable = (rows: readonly Row[]): string =>
  [...align([heading, ...rows.map((row) => cells(row))], (column) => column < 2 || column === heading.length - 1), ...remarks(rows)].join('\n')

/** The same for `--json`. */
export function toJson(rows: readonly Row[]): object[] {
  return rows.map(({ id, title, unit, budget, plain, measured, missing }) => ({
    id,
    title,
    unit,
    budget,
    met: isMet({ ...(budget && { budget }), measured }),
    ...(measured && { ...summarise(measured.samples), samples: measured.samples, parts: measured.parts, flaw: measured.flaw }),
    ...(measured?.plain && { plain: { title: plain, ...summarise(measured.plain), samples: measured.plain }, ...compare(measured) }),
    missing,
  }))
}
