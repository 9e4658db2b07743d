import { fileURLToPath } from 'node:url'

/** The image with Chromium. */
export const image = 'python-docker-starter-browser'

/** The folder with the screenshots of failed tests. */
export const screenshots = fileURLToPath(new URL('screenshots', import.meta.url))
