/** docs/settings.md: the schema as a page to read and to link to. Pure. */
import type { Schema, Setting } from './schema.ts'
import { describe } from './types.ts'

/** Where the page is. */
export const settingsPage = 'docs/settings.md'

/** `# --- Web ---` without its decoration. */
const titleOf = (heading: string | undefined): string => heading?.replace(/^# --- | ---$/g, '') ?? 'Others'

/** The anchor that GitHub makes of a heading. */
const anchor = (heading: string): string => heading.toLowerCase().replaceAll(' ', '-')

/** Sentences of the example as Markdown: names of settings and pages become links, the rest stays as it is. */
function prose(text: string, { byName }: Schema, self?: string): string {
  return text
    .replaceAll(/[\\*<[\]`|]/g, String.raw`\$&`)
    .replaceAll(/\bdocs\/([\w-]+\.md)\b/g, '[docs/$1]($1)')
    // Not within a piece of code such as ${NAME} or NAME=value.
    .replaceAll(/(?<![={])\b[A-Z][A-Z0-9_]*\b(?!=)/g, (word) =>
      word !== self && byName.has(word) ? `[\`${word}\`](#${anchor(word)})` : word)
}

/** How a default is shown: a secret's never, not even the example's, which would be taken for a proposal. */
function defaultOf({ value, sensitive, generate }: Setting): string {
  if (generate !== undefined) return 'made by `npm run env -- --init`'
  if (value === '') return 'empty'
  return sensitive ? 'not shown here, because it is a secret' : `\`${value}\``
}

const readers: Readonly<Record<string, string>> = {
  build: 'the build of the image',
  compose: 'Compose itself',
  scripts: 'the npm scripts',
}

const readBy = ({ services }: Setting): string => services.map((name) => readers[name] ?? `\`${name}\``).join(', ')

function requirement({ required }: Setting): string {
  if (required === true) return 'Must not be empty.'
  return required === false ? 'May be empty.' : `Must not be empty in ${required.join(', ')}.`
}

function entry(setting: Setting, schema: Schema): string[] {
  const { name, documentation, type, sensitive, example, docs, deprecated } = setting
  const form = describe(type)
  return [
    `### ${name}`,
    '',
    ...(deprecated ? [`**Deprecated.** ${prose(deprecated, schema, name)}`, ''] : []),
    prose(documentation, schema, name),
    '',
    `- Value: ${form}. ${requirement(setting)}${example ? ` For example \`${example}\`.` : ''}`,
    `- Default: ${defaultOf(setting)}`,
    ...(setting.services.length > 0 ? [`- Read by: ${readBy(setting)}`] : []),
    ...(sensitive ? ['- Secret: never printed without being asked for.'] : []),
    ...(docs ? [`- More: <${docs}>`] : []),
    '',
  ]
}

/** What is said in the example above a setting and apart from it: about the section, or about several settings. */
function introductions({ settings }: Schema, example: string): Map<string, string> {
  const lines = example.split(/\r?\n/)
  let from = lines.findIndex((line) => line.startsWith('# --- '))
  return new Map(settings.map(({ name, line, comment }) => {
    const above = lines.slice(Math.max(from, 0), line - 1 - comment.length)
    from = line
    const words = above.filter((text) => text.startsWith('#') && !text.startsWith('# --- '))
    return [name, words.map((text) => text.replace(/^#\s*/, '')).join(' ')]
  }))
}

function sectionsOf({ settings }: Schema): Map<string, Setting[]> {
  const sections = new Map<string, Setting[]>()
  for (const setting of settings) {
    const title = titleOf(setting.heading)
    sections.set(title, [...(sections.get(title) ?? []), setting])
  }
  return sections
}

/** The text of the page. */
export function settingsDocs(schema: Schema, example: string): string {
  const sections = sectionsOf(schema)
  const introduction = introductions(schema, example)
  const index = [...sections].map(([title, settings]) => {
    const names = settings.map(({ name }) => `[\`${name}\`](#${anchor(name)})`).join(', ')
    return `- [${title}](#${anchor(title)}): ${names}`
  })
  const body = [...sections].flatMap(([title, settings]) => [
    `## ${title}`,
    '',
    ...settings.flatMap((setting) => {
      const words = introduction.get(setting.name)
      return [...(words ? [prose(words, schema), ''] : []), ...entry(setting, schema)]
    }),
  ])
  return `${[
    '# Settings',
    '',
    'What can be set in `.env.docker`. Made from [.env.docker.example](../.env.docker.example) by `npm run env -- --docs`:',
    'change that file, not this one. `npm run env` checks your values against these rules.',
    '',
    ...index,
    '',
    ...body,
  ].join('\n').trimEnd()}\n`
}
