/** .env.docker.example of a copy: its active lines say of the application what can be seen for certain, and nothing of the sample. Pure. */

/** What the owner has to say, and an empty line asks for; where a general value is right, that. */
const neutral = (name: string): Record<string, string> => {
  const database = name.replaceAll('-', '_')
  return {
    COMPOSE_PROFILES: 'redis', APP_PYTHONPATH: '', APP_WORKDIR: '.', PYTHON_INSTALLER: 'uv', PYTHON_MANIFEST: '', PYTHON_DEV_MANIFEST: '',
    PYTHON_EXTRA_PACKAGES: '', APT_PACKAGES: '', APT_BUILD_PACKAGES: '', PREBUILD_COMMAND: '', WEB_APP: '', WEB_COMMAND: '', CELERY_APP: '',
    HEALTH_PATH: '/', MIGRATE_COMMAND: '', SEED_COMMAND: '', TEST_COMMAND: '', DATABASE_URL: '',
    POSTGRES_DB: database, MARIADB_USER: database, MARIADB_DATABASE: database,
    S3_ENDPOINT_URL: '', S3_PUBLIC_URL: '', S3_BUCKET: '',
  }
}

/** Words that only the sample says. */
const SAMPLE = /stor(y|ies)|espeak/i

/**
 * How the dependencies are installed, as far as the files at the root of the application leave no choice.
 *
 * @param files names at the application's root
 */
export function installation(files: ReadonlySet<string>): Record<string, string> {
  const development = files.has('requirements-dev.txt') ? 'requirements-dev.txt' : ''
  if (files.has('pyproject.toml') && files.has('uv.lock') !== files.has('poetry.lock')) {
    return { PYTHON_INSTALLER: files.has('uv.lock') ? 'uv' : 'poetry', PYTHON_MANIFEST: 'pyproject.toml', PYTHON_DEV_MANIFEST: '' }
  }
  return files.has('requirements.txt') ? { PYTHON_MANIFEST: 'requirements.txt', PYTHON_DEV_MANIFEST: development } : {}
}

/**
 * The example with other values. A line that is only documentation stays so, unless one of `answers` is for it.
 *
 * @param answers what is known of the new application
 */
export function neutralExample(example: string, name: string, answers: Record<string, string>): string {
  const values = neutral(name)
  return example.replaceAll(/^(# )?([A-Z][A-Z0-9_]*)=(.*)$/gm, (line, comment: string | undefined, key: string, value: string) => {
    if (answers[key] !== undefined) return comment && answers[key] === value ? line : `${key}=${answers[key]}`
    if (comment) return line
    return `${key}=${values[key] ?? (SAMPLE.test(value) ? '' : value)}`
  })
}
