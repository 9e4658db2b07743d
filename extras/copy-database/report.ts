/** What the copy in the container says, one JSON object a line, and what is made of it here. Pure. */

/** Something that the target would refuse or change. */
export interface Finding {
  table: string
  key: string
  column: string
  kind: string
  text: string
}

interface Progress {
  step: string
  table: string
  done: number
  total: number
}

interface Event extends Partial<Finding & Progress> {
  event: string
  line: string
  [field: string]: unknown
}

/** All that was said, as far as it went. */
export interface CopyReport {
  findings: Finding[]
  /** The lines of findings, and how many were left out. */
  lines: string[]
  tables: { table: string; rows: number; hash: string }[]
  rounded: { table: string; column: string; count: number }[]
  failed: { message: string; hint: string } | undefined
  done: { rows: number; tables: number; seconds: number } | undefined
}

export const emptyReport = (): CopyReport => ({ findings: [], lines: [], tables: [], rounded: [], failed: undefined, done: undefined })

const isEvent = (value: unknown): value is Event =>
  typeof value === 'object' && value !== null && typeof (value as Event).event === 'string'

/** Reads one line; what other programs print there (a migration, Compose) is none. */
export function readEvent(line: string): Event | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Adds what an event says. Returns how far the copy is, when that is what it says. */
export function take(report: CopyReport, { event, line, ...fields }: Event): Progress | undefined {
  switch (event) {
    case 'progress':
      return fields as Progress
    case 'finding':
      report.findings.push(fields as unknown as Finding)
      report.lines.push(line)
      break
    case 'more':
      report.lines.push(line)
      break
    case 'table':
      report.tables.push(fields as unknown as CopyReport['tables'][number])
      break
    case 'rounded':
      report.rounded.push(fields as unknown as CopyReport['rounded'][number])
      break
    case 'failed':
      report.failed = fields as unknown as CopyReport['failed']
      break
    case 'done':
      report.done = fields as unknown as CopyReport['done']
      break
    default:
  }
  return undefined
}

const number = (value: number): string => value.toLocaleString('en')

/** `copying stories ████████░░░░ 66% of 200,000`: short, because a name is beside it and a time behind. */
export function bar({ step, table, done, total }: Progress, width = 12): string {
  const share = total === 0 ? 1 : done / total
  const full = Math.floor(share * width)
  return `${step} ${table} ${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.floor(share * 100)}% of ${number(total)}`
}

/** The same for a log: a line at the end of each table, and at each tenth of a long one. */
export function logLine(previous: Progress | undefined, now: Progress): string | undefined {
  const tenth = ({ done, total }: Progress): number => (total === 0 ? 10 : Math.floor((done / total) * 10))
  const isSame = previous?.table === now.table && previous.step === now.step && tenth(previous) === tenth(now)
  return isSame || tenth(now) === 0 ? undefined : `${now.step} ${now.table}: ${number(now.done)} of ${number(now.total)}`
}
