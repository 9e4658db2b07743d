// Next leaves to whoever installs it that the standalone server finds the files for browsers beside it.
import { cpSync } from 'node:fs'

cpSync('.next/static', '.next/standalone/.next/static', { recursive: true })
