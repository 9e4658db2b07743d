import { ask, type Day, type Sensor } from './api'
import { byId } from './dom'

const [WIDTH, HEIGHT, MARGIN] = [640, 240, 12]
const select = byId('sensor') as HTMLSelectElement
const sensors = new Map<string, Sensor>()

/** Fills the list of sensors, and draws the one that is chosen. */
export async function showSensors(): Promise<void> {
  for (const sensor of await ask<Sensor[]>('/api/sensors')) {
    if (!sensors.has(sensor.code)) select.add(new Option(`${sensor.site} · ${sensor.code}`, sensor.code))
    sensors.set(sensor.code, sensor)
  }
  await showSensor()
}

/** Draws the days of the chosen sensor. */
export async function showSensor(): Promise<void> {
  const sensor = sensors.get(select.value)
  if (!sensor) {
    byId('about').textContent = 'There are no sensors yet: npm run seed.'
    return
  }
  const days = (await ask<Day[]>(`/api/sensors/${encodeURIComponent(sensor.code)}/days`)).reverse()
  byId('about').textContent =
    `${sensor.active ? 'In use' : 'Not in use'}, installed on ${sensor.installed_on}, ` +
    `from ${sensor.range.join(' to ')} ${sensor.unit}`
  byId('caption').textContent = days.length
    ? `${days[0]?.day} to ${days.at(-1)?.day}: lowest, mean and highest of each day, in ${sensor.unit}`
    : 'No readings yet.'
  byId('chart').innerHTML = days.length ? draw(days) : ''
}

/** A band from the lowest to the highest of each day, and the mean as a line. Only numbers become markup. */
function draw(days: Day[]): string {
  const [low, high] = [days.map((day) => Number(day.lowest)), days.map((day) => Number(day.highest))]
  const [bottom, top] = [Math.min(...low), Math.max(...high)]
  const x = (index: number) => MARGIN + (index / Math.max(days.length - 1, 1)) * (WIDTH - 2 * MARGIN)
  const y = (value: number) => HEIGHT - MARGIN - ((value - bottom) / (top - bottom || 1)) * (HEIGHT - 2 * MARGIN)
  const line = (values: number[]) => values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`)
  const band = [...line(high), ...line(low).reverse()].join(' ')
  return `<polygon points="${band}"/><polyline points="${line(days.map((day) => day.mean)).join(' ')}"/>`
}
