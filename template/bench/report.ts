/** Collects the rows of the table. */
import { CliError, wasInterrupted } from '../../scripts/lib/errors.ts'
import { failure } from '../../scripts/lib/terminal.ts'
import { figures, type Figure, type FigureId, type Measured, type Row } from './figures.ts'

export type Findings = Map<FigureId, { measured: Measured } | { missing: NonNullable<Row['missing']> }>

/**
 * Measures some figures. If one cannot be measured, reports and counts that, and goes on with the others.
 *
 * @throws errors that are no CliError, and every error after Ctrl-C
 */
export async function record(
  findings: Findings,
  ids: readonly FigureId[],
  measure: () => Promise<Partial<Record<FigureId, Measured>>>,
): Promise<void> {
  try {
    for (const [id, measured] of Object.entries(await measure())) findings.set(id as FigureId, { measured })
  } catch (error) {
    if (!(error instanceof CliError) || wasInterrupted()) throw error
    failure(error.message, error.details, error.hint)
    for (const id of ids) findings.set(id, { missing: { why: error.message, failed: true } })
  }
}

/** The rows in the order of the table: those that were measured, left out or failed. */
export function rowsOf(findings: Findings): Row[] {
  return (Object.entries(figures) as [FigureId, Figure][]).flatMap(([id, figure]) => {
    const finding = findings.get(id)
    return finding ? [{ id, ...figure, measured: undefined, ...finding }] : []
  })
}

export const hasFailed = (rows: readonly Row[]): boolean => rows.some(({ missing }) => missing?.failed)
