import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { SettingsError } from './settings-error.ts'

/** What one source says: a key as it was written, the raw value, and where it stood, for the error message. */
export interface Said {
  readonly key: string
  readonly raw: unknown
  readonly where: string
}

/** A settings file larger than this is some other file. */
const MAX_FILE_BYTES = 1024 ** 2

/**
 * Reads a YAML file of nested (or dotted) keys. A missing file says nothing, unless `required`.
 * `isSetting` tells where the nesting ends. Throws SettingsError.
 */
export function readSettingsFile(path: string, required: boolean): Said[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    if (code === 'ENOENT' && !required) return []
    throw new SettingsError('config', `config: "${path}" cannot be read (${code}); allowed is a readable YAML file`)
  }
  if (text.length > MAX_FILE_BYTES) {
    throw new SettingsError(
      'config',
      `config: "${path}" is not a settings file; allowed is at most ${MAX_FILE_BYTES} bytes`,
    )
  }
  const document = parseDocument(text)
  const problem = document.errors[0]
  if (problem) {
    // The library adds an excerpt of the file on further lines: one line is the promise, and the excerpt may hold secrets.
    throw new SettingsError('config', `config: "${path}" is not valid YAML: ${problem.message.split('\n')[0]}`)
  }
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    // Aliases that multiply: a few hundred bytes that would fill the memory.
    throw new SettingsError('config', `config: "${path}" is not allowed: ${(error as Error).message}`)
  }
  if (content === null || content === undefined) return []
  if (!isSection(content)) {
    throw new SettingsError(
      'config',
      `config: "${path}" holds no settings; allowed is a mapping such as "server: {port: 8080}"`,
    )
  }
  const said: Said[] = []
  flatten(content, '', path, said)
  return said
}

function flatten(section: Readonly<Record<string, unknown>>, prefix: string, path: string, said: Said[]): void {
  for (const [name, raw] of Object.entries(section)) {
    const key = prefix + name
    // An empty section, all of its lines commented out, is how example files are used.
    if (raw === null) continue
    if (isSection(raw)) flatten(raw, `${key}.`, path, said)
    else said.push({ key, raw, where: path })
  }
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The variable that sets a key: `server.grpc.port` → `DCE_SERVER_GRPC_PORT`. */
export function variableOf(key: string): string {
  return `DCE_${key.replaceAll('.', '_').toUpperCase()}`
}

/** What the test suite says to itself (`DCE_TEST_SEED`): processes it starts inherit it. */
const TEST_PREFIX = 'DCE_TEST_'

/** Reads the `DCE_…` variables; `keyOf` finds the key of one. An empty variable is an unset one. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  keyOf: (variable: string) => string | undefined,
): Said[] {
  const said: Said[] = []
  for (const [variable, raw] of Object.entries(env)) {
    if (!variable.startsWith('DCE_') || variable.startsWith(TEST_PREFIX) || raw === undefined || raw === '') continue
    said.push({ key: keyOf(variable) ?? variable, raw, where: variable })
  }
  return said
}
