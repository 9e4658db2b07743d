import { expect, test } from 'vitest'
import { addressed } from '../../../scripts/lib/terminal.ts'

test.each([
  ['Correct it in .env.docker, then run npm run up again.', 'Correct it in a/b.env, then run npm run up -- --env-file a/b.env again.'],
  ['npm run env -- --init makes a value.', 'npm run env -- --env-file a/b.env --init makes a value.'],
  ['delete the data: npm run teardown -- --volumes', 'delete the data: npm run teardown -- --env-file a/b.env --volumes'],
  ['npm run teardown -- --env-file a/b.env --volumes', 'npm run teardown -- --env-file a/b.env --volumes'],
  ['npm run seed · npm run doctor.', 'npm run seed -- --env-file a/b.env · npm run doctor -- --env-file a/b.env.'],
  ['WEB_PORT stands in .env.docker:12.', 'WEB_PORT stands in a/b.env:12.'],
  ['MIGRATE_COMMAND= in .env.docker.', 'MIGRATE_COMMAND= in a/b.env.'],
  ['Compare it with .env.docker.example; as it was: .env.docker.bak, .env.docker-old', 'Compare it with .env.docker.example; as it was: .env.docker.bak, .env.docker-old'],
  ['docker compose --env-file b/.env.docker ps', 'docker compose --env-file b/.env.docker ps'],
  ['npm run engine -- start', 'npm run engine -- start'],
  ['npm run upgrade', 'npm run upgrade'],
])('for a stack of another file, "%s" is "%s"', (text, wanted) => {
  expect(addressed(text, 'a/b.env')).toBe(wanted)
  expect(addressed(addressed(text, 'a/b.env'), 'a/b.env')).toBe(wanted)
  expect(addressed(text, '.env.docker')).toBe(text)
  expect(addressed(text)).toBe(text)
})

test('a path is typed as a shell takes it, and a $ in it is no pattern', () => {
  expect(addressed('npm run up reads .env.docker', '$&.env')).toBe("npm run up -- --env-file $'$&.env' reads $&.env")
})
