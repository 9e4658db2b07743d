import { fileURLToPath } from 'node:url'

/** The image with Chromium. */
export const image = 'python-docker-starter-browser'

/** Where somebody looks who reads of a failed test. */
export const screenshots = fileURLToPath(new URL('screenshots', import.meta.url))
