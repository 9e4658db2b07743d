/** What is measured, what it may cost, and what the samples of several runs say about it. Pure. */

export type Unit = 's' | 'ms' | 'MB'

/** What the budget limits: the figure, its difference to the plain counterpart, or its ratio to it. */
export interface Budget {
  most: number
  of: 'figure' | 'difference' | 'ratio'
}

export interface Figure {
  title: string
  unit: Unit
  /** The plain counterpart, which is run in turn with it. */
  plain?: string
  budget?: Budget
}

const figure = (most: number): Budget => ({ most, of: 'figure' })

/** The figures in the order of the table, with the budgets of this project. */
export const figures = {
  bareStart: { title: 'bare machine to healthy stack, engine and images made', unit: 's', budget: figure(120) },
  freshUp: { title: 'docker compose up --detach --wait, volumes fresh', unit: 's', budget: figure(5) },
  healthyUp: {
    title: 'npm run up, healthy already',
    unit: 's',
    plain: 'docker compose up --detach --wait',
    budget: { most: 0.5, of: 'difference' },
  },
  env: { title: 'npm run env, 200 settings', unit: 's', plain: 'docker compose config --quiet', budget: figure(0.7) },
  help: { title: 'npm run up -- --help', unit: 's', plain: 'npm exec --call true' },
  sourceRebuild: { title: 'production rebuild after one source line', unit: 's', plain: 'docker build', budget: figure(1) },
  dependencyRebuild: { title: 'production rebuild after one dependency', unit: 's', plain: 'docker build', budget: figure(4) },
  image: { title: 'production image, over its base', unit: 'MB' },
  surplus: { title: 'of it neither venv, application nor packages', unit: 'MB', budget: figure(1) },
  cpu: { title: 'CPU of an idle stack, in 60 s', unit: 's', budget: figure(0.6) },
  memory: { title: 'memory of an idle stack', unit: 'MB' },
  stop: { title: 'docker compose stop of an idle stack', unit: 's', budget: figure(1.5) },
  roundTrip: { title: 'a task to the worker and back', unit: 'ms', budget: figure(2.1) },
  roleStart: {
    title: 'start of web with a read-only root',
    unit: 's',
    plain: 'without its byte code',
    budget: { most: 1, of: 'ratio' },
  },
} as const satisfies Record<string, Figure>

export type FigureId = keyof typeof figures

/** One service's, or one layer's, share of a figure. */
export interface Part {
  name: string
  value: number
}

export interface Measured {
  samples: number[]
  /** The samples of the plain counterpart, run by run. */
  plain?: number[]
  parts?: Part[]
  /** Why the budget is missed whatever the figure says, e.g. an exit code. */
  flaw?: string | undefined
}

export interface Row extends Figure {
  id: FigureId
  measured: Measured | undefined
  /** Why it was not measured: left out for a reason, or failed. */
  missing?: { why: string; failed: boolean }
}

export interface Summary {
  min: number
  median: number
  max: number
}

/** @param samples at least one */
export function summarise(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
  return { min: sorted[0]!, median, max: sorted.at(-1)! }
}

/** The difference and the ratio of each run to the plain run next to it. */
export function compare({ samples, plain = [] }: Measured): { difference: Summary; ratio: Summary } | undefined {
  if (plain.length === 0) return undefined
  return {
    difference: summarise(samples.map((sample, run) => sample - plain[run]!)),
    ratio: summarise(samples.map((sample, run) => sample / plain[run]!)),
  }
}

/** Whether the median is within the budget; undefined without a budget or samples. */
export function isMet({ budget, measured }: Pick<Row, 'budget' | 'measured'>): boolean | undefined {
  if (!budget || !measured) return undefined
  if (measured.flaw) return false
  if (budget.of === 'figure') return summarise(measured.samples).median <= budget.most
  const compared = compare(measured)
  return compared && compared[budget.of].median <= budget.most
}
