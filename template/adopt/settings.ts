/** .env.docker.example of a copy: its active lines hold what is certain of the application, not the sample's. Pure. */

/**
 * The example with other values: its active lines say what is known of the new application. A secret stays, since
 * `env -- --init` makes another; anything else is the default of its rule, or empty. Half an S3 store is a
 * mistake, so without answers its lines become documentation. A commented line stays a comment, unless `answers` has its
 * value.
 *
 * @param answers what is known of the new application
 */
export function neutralExample(example: string, name: string, answers: Record<string, string>): string {
  // Celery needs a queue, and a database should have its name before it is created.
  const known: Record<string, string> = { COMPOSE_PROFILES: 'redis', POSTGRES_DB: name.replaceAll('-', '_'), ...answers }
  let rule = ''
  const neutral = (line: string): string => {
    const [, comment, key] = /^(# )?([A-Z][A-Z0-9_]*)=/.exec(line) ?? []
    if (key === undefined) {
      rule = line.startsWith('# @') ? `${rule} ${line}` : ''
      return line
    }
    const said = rule
    rule = ''
    const answer = answers[key]
    if (comment) return answer === undefined ? line : `${key}=${answer}`
    const isStorage = key.startsWith('S3_') && answer === undefined
    if (!isStorage && (/@generate\b/.test(said) || key === 'REDIS_URL')) return line
    return `${isStorage ? '# ' : ''}${key}=${known[key] ?? /@default="([^"]*)"/.exec(said)?.[1] ?? ''}`
  }
  return example.split('\n').map((line) => neutral(line)).join('\n')
}
