/** An env file with other values for some settings: where they stand, or where their default stands as a comment; else at the end. Pure. */
export function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((all, [name, value]) => {
    const lines = [new RegExp(`^${name}=.*$`, 'm'), new RegExp(`^# ${name}=.*$`, 'm')]
    const line = lines.find((one) => one.test(all))
    return line ? all.replace(line, () => `${name}=${value}`) : `${all.trimEnd()}\n${name}=${value}\n`
  }, text)
}
