import { join } from 'node:path'
import { CATALOGUE, type SettingKey } from './catalogue.ts'
import type { Setting } from './setting.ts'
import { TIME_OF_DAY, type Kind } from './setting-kinds.ts'
import { readEnvironment, readSettingsFile, variableOf, type Said } from './setting-sources.ts'
import { SettingsError } from './settings-error.ts'

type Camel<Text extends string> = Text extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text
/** `ring_timeout` of a duration is `ringTimeoutMs`: units last, once. */
type Named<Name extends string, Suffix extends string> =
  Camel<Name> extends `${string}${Suffix}` ? Camel<Name> : `${Camel<Name>}${Suffix}`
type SuffixOf<S> = S extends { kind: Kind<infer _T, infer Suffix> } ? Suffix : never
type ValueOf<S> = S extends Setting<infer T, infer _Suffix, infer Default> ? T | Default : never
type Leaves<C> = {
  readonly [K in keyof C & string as K extends `${string}.${string}` ? never : Named<K, SuffixOf<C[K]>>]: ValueOf<C[K]>
}
type Heads<C> = keyof C extends infer K ? (K extends `${infer Head}.${string}` ? Head : never) : never
type Under<C, Head extends string> = { [K in keyof C as K extends `${Head}.${infer Rest}` ? Rest : never]: C[K] }
type Tree<C> = Leaves<C> & { readonly [Head in Heads<C> as Camel<Head>]: Tree<Under<C, Head>> }

/** The settings of a process: `telephony.max_call_duration` reads `settings.telephony.maxCallDurationMs`. Frozen. */
export type Settings = Tree<typeof CATALOGUE>

export interface SettingSources {
  /** A settings file that must exist (`--config FILE`); undefined: config/config.yaml if it is there; null: none. */
  readonly file?: string | null
  /** Whose `DCE_…` variables count, usually process.env; undefined: none. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Flags of the command, by key. */
  readonly flags?: Readonly<Record<string, string>>
  /** What a command such as `demo` prefers to the built-in defaults; every other source overrides it. */
  readonly defaults?: Readonly<Partial<Record<SettingKey, unknown>>>
}

const DEFAULT_FILE = join(import.meta.dirname, 'config.yaml')
const SETTINGS: ReadonlyMap<string, Setting<unknown, string, unknown>> = new Map(Object.entries(CATALOGUE))
const KEYS: ReadonlyMap<string, SettingKey> = new Map(
  Object.entries(CATALOGUE).flatMap(([key, setting]) =>
    [key, ...((setting as Setting<unknown, string, unknown>).aliases ?? [])].map((name) => [name, key as SettingKey]),
  ),
)
const VARIABLES: ReadonlyMap<string, string> = new Map([...KEYS.keys()].map((name) => [variableOf(name), name]))

/** Where each value of a Settings came from, by key: kept beside it, so that the settings hold nothing but settings. */
const origins = new WeakMap<
  Settings,
  ReadonlyMap<SettingKey, { readonly value: unknown; readonly where: string | null }>
>()

/** True for the name of a setting, the other names it has included. */
export function isSettingKey(key: string): boolean {
  return KEYS.has(key)
}

/**
 * Reads the settings: built-in defaults → file → environment → flags, the later winning. Throws SettingsError, one line,
 * for an unknown key, a value that is not allowed, or an unreadable file.
 */
export function loadSettings(sources: SettingSources): Settings {
  const values = new Map<SettingKey, { value: unknown; where: string | null }>()
  for (const [key, setting] of SETTINGS) values.set(key as SettingKey, { value: setting.default, where: null })
  for (const [key, raw] of Object.entries(sources.defaults ?? {})) {
    values.set(key as SettingKey, { value: check({ key, raw, where: 'the command' }).value, where: null })
  }
  const layers = [
    sources.file === null ? [] : readSettingsFile(sources.file ?? DEFAULT_FILE, sources.file !== undefined),
    readEnvironment(sources.env ?? {}, (variable) => VARIABLES.get(variable)),
    Object.entries(sources.flags ?? {}).map(([key, raw]) => ({ key, raw, where: `--${key}` })),
  ]
  for (const layer of layers) applyLayer(layer, values)
  checkTogether(values)
  const settings = build(values)
  origins.set(settings, values)
  return settings
}

function applyLayer(layer: readonly Said[], values: Map<SettingKey, { value: unknown; where: string | null }>): void {
  const seen = new Map<SettingKey, Said>()
  for (const said of layer) {
    const { key, value } = check(said)
    const other = seen.get(key)
    // Two names of one setting in one place: whichever we took, somebody would be surprised.
    if (other) throw new SettingsError(key, `${key}: set twice, as ${other.key} and ${said.key} (${said.where})`)
    seen.set(key, said)
    values.set(key, { value, where: said.where })
  }
}

function check({ key: name, raw, where }: Said): { key: SettingKey; value: unknown } {
  const key = KEYS.get(name)
  if (key === undefined) {
    const near = nearestName(name)
    throw new SettingsError(
      name,
      `${name}: no such setting (${where})${near ? `; did you mean ${near}?` : '; dce config lists them all'}`,
    )
  }
  const setting = SETTINGS.get(key)!
  const value = setting.kind.read(raw)
  if (value === undefined) {
    const shown = setting.secret ? '***' : JSON.stringify(raw)?.slice(0, 100)
    throw new SettingsError(key, `${key}: ${shown} is not allowed (${where}); allowed is ${setting.kind.allowed}`)
  }
  return { key, value }
}

/** What no single value shows. */
function checkTogether(values: ReadonlyMap<SettingKey, { readonly value: unknown }>): void {
  if (
    (values.get('webrtc.turn_urls')!.value as readonly string[]).length > 0 &&
    !values.get('webrtc.turn_secret')!.value
  )
    throw new SettingsError('webrtc.turn_secret', 'webrtc.turn_secret: needed for webrtc.turn_urls; allowed is a text')
  const [low, medium, high] = ['low', 'medium', 'high'].map((name) =>
    Number(values.get(`fraud.risk_thresholds.${name}` as SettingKey)!.value),
  ) as [number, number, number]
  if (low <= 0 || low > medium || medium > high)
    throw new SettingsError(
      'fraud.risk_thresholds.medium',
      `fraud.risk_thresholds: ${low}, ${medium} and ${high} are not allowed; allowed are three numbers above 0 that do not fall: low, medium, high`,
    )
  const start = Number(values.get('compliance.tcpa.calling_hours.start')!.value)
  const key = 'compliance.tcpa.calling_hours.end'
  const end = Number(values.get(key)!.value)
  if (start < end) return
  const shown = String(TIME_OF_DAY.write!(end))
  throw new SettingsError(key, `${key}: "${shown}" is not allowed; allowed is a time after calling_hours.start`)
}

function build(values: ReadonlyMap<SettingKey, { readonly value: unknown }>): Settings {
  const root: Record<string, unknown> = {}
  for (const [key, { value }] of values) {
    const path = key.split('.').map(camel)
    const name = path.pop()!
    const { suffix } = SETTINGS.get(key)!.kind
    let section = root
    for (const part of path) section = (section[part] ??= {}) as Record<string, unknown>
    section[name.endsWith(suffix) ? name : name + suffix] = value
  }
  return deepFreeze(root) as Settings
}

/** The keys of what somebody configured that is not built yet, for the log to say `not available`. */
export function notAvailable(settings: Settings): SettingKey[] {
  const found: SettingKey[] = []
  for (const [key, { value, where }] of originsOf(settings)) {
    if (where !== null && value !== 'off' && SETTINGS.get(key)!.notAvailable) found.push(key)
  }
  return found
}

/** One setting as it is in force, for people: durations and sizes as they are written, secrets masked. */
export interface EffectiveSetting {
  readonly value: unknown
  /** `default`, the file, the variable or the flag that said it. */
  readonly source: string
}

/** Every setting by key as it is in force, secrets masked: `GET /api/v1/debug/config` and `dce config`. */
export function effectiveSettings(settings: Settings): Record<SettingKey, EffectiveSetting> {
  const shown = {} as Record<SettingKey, EffectiveSetting>
  for (const [key, { value, where }] of originsOf(settings)) {
    const { kind, secret } = SETTINGS.get(key)!
    const plain = value === null ? null : kind.write ? kind.write(value) : value
    const masked = plain === null || !secret ? plain : secret === 'all' ? '***' : maskUrl(plain)
    shown[key] = { value: masked, source: where ?? 'default' }
  }
  return shown
}

function originsOf(
  settings: Settings,
): ReadonlyMap<SettingKey, { readonly value: unknown; readonly where: string | null }> {
  const found = origins.get(settings)
  if (!found) throw new TypeError('these settings were not read by loadSettings')
  return found
}

/** Hides the password of a URL, and the parameters that may hold one; what is no URL is hidden whole. */
function maskUrl(text: unknown): string {
  if (typeof text !== 'string' || !URL.canParse(text)) return '***'
  const url = new URL(text)
  if (url.password !== '') url.password = '***'
  for (const name of url.searchParams.keys()) if (/pass|secret|key|token/i.test(name)) url.searchParams.set(name, '***')
  return url.href
}

function nearestName(name: string): string | undefined {
  // A variable is compared as a variable, and answered as one: that is what the reader typed.
  const names = name.startsWith('DCE_') ? [...VARIABLES.keys()] : [...KEYS.keys()]
  const scored = names.map((known) => ({ known, distance: editDistance(name.slice(0, 100), known) }))
  scored.sort((a, b) => a.distance - b.distance)
  return scored[0] && scored[0].distance <= 3 ? scored[0].known : undefined
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

function camel(text: string): string {
  return text.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
