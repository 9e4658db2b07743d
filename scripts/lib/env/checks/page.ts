/** docs/settings-checks.md: the table of codes as a page. Pure. */
import { codes } from './codes.ts'

/** Where the page is. */
export const checksPage = 'docs/settings-checks.md'

const severities = {
  error: 'Error: nothing is started.',
  warning: 'Warning.',
  production: 'Error in production, warning in development.',
} as const

/** The text of the page. */
export function checksDocs(): string {
  const all = Object.entries(codes)
  const groups = [...new Set(all.map(([, { group }]) => group))]
  const body = groups.flatMap((group) => [
    `## ${group}`,
    '',
    ...all.filter(([, info]) => info.group === group).toSorted(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1))).flatMap(([code, { title, severity, why, remedy }]) => [
      `### ${code}`, '', `**${title}.** ${severities[severity]}`, '', why, '', `*Remedy:* ${remedy}`, '',
    ]),
  ])
  return `${[
    '# What the check of the settings says',
    '',
    'One paragraph for each code that `npm run env` prints. Made from `scripts/lib/env/checks/codes.ts` by',
    '`npm run env -- --docs`: change that file, not this one.',
    '',
    '`npm run env` ends with exit code 3 when there is an error; `npm run env -- --strict` also for a warning. `npm run up` shows errors and',
    'starts nothing, and counts warnings. It is production where `COMPOSE_FILE` names `compose.production.yaml`.',
    'Codes stay what they are: a number that is missing here was never given out, or is gone for good.',
    '',
    ...body,
  ].join('\n').trimEnd()}\n`
}
