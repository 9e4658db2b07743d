/** What the API says. Decimals are text there, so that nothing is lost on the way. */

export interface Batch {
  id: string
  file_name: string
  status: 'queued' | 'working' | 'done' | 'failed'
  rows: number
  rows_done: number
  rows_rejected: number
  error: string | null
}

export interface Rejection {
  line: number
  reason: string
  text: string
}

export interface Sensor {
  code: string
  site: string
  unit: string
  active: boolean
  range: [string, string]
  installed_on: string
}

export interface Day {
  day: string
  readings: number
  lowest: string
  highest: string
  mean: number
}

/** The answer as JSON; an error carries the server's own sentence. */
export async function ask<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init)
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error ?? response.statusText)
  return answer as T
}
