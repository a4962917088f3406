import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import type { Settings } from '../../config/settings.ts'
import { isHouseList, type DncList } from '../../model/dnc.ts'
import { parsePhoneNumber, type PhoneNumber } from '../../model/phone-number.ts'
import {
  IMPORT_MODES,
  isExpired,
  NATIONAL_EXPIRES_DAYS,
  needsDate,
  SUPPRESSION_KINDS,
  usualMode,
  type SuppressionKind,
  type SuppressionList,
} from '../../model/suppression-list.ts'
import { LONG_STATEMENT_MS, openCommandStorage } from './command-storage.ts'
import { Progress } from './progress.ts'

type Print = (line: string) => void
type Storage = Awaited<ReturnType<typeof openCommandStorage>>

/** Flags of `dce dnc`, besides settings. */
export const DNC_FLAGS = ['list', 'kind', 'source', 'state', 'mode', 'version-date', 'may-shrink', 'expires-after-days']

/** Numbers written at once into the house's own lists. */
const BATCH = 5_000
/** Lines that are no numbers are all counted; this many are shown. */
const MAX_INVALID_SHOWN = 20

interface Imported {
  readonly words: string
  readonly invalid: number
  readonly shown: readonly { readonly line: number; readonly value: string }[]
}

/**
 * `dce dnc import FILE`: into one of the house's own lists, a number a line; or into a list of numbers, all of the file or nothing, the list made
 * where there is none and its kind is said. A running exchange screens by it as soon as it is committed.
 */
export async function importDncFile(
  path: string,
  flags: ReadonlyMap<string, string>,
  settings: Settings,
  print: Print,
): Promise<void> {
  const name = flags.get('list') ?? 'internal'
  const { size } = await stat(path)
  const storage = await openCommandStorage(settings, LONG_STATEMENT_MS)
  const progress = new Progress(size, process.stderr)
  try {
    const { words, invalid, shown } = isHouseList(name)
      ? await intoHouseList(path, name, storage, progress)
      : await intoNamedList(path, name, flags, storage, progress)
    progress.end()
    print(`${words}, ${invalid} invalid`)
    for (const { line, value } of shown) print(`  line ${line}: ${value}`)
  } finally {
    progress.end()
    await storage.close()
  }
}

async function intoHouseList(path: string, list: DncList, { stores }: Storage, progress: Progress): Promise<Imported> {
  const shown: { line: number; value: string }[] = []
  let [line, given, added, invalid] = [0, 0, 0, 0]
  let batch: PhoneNumber[] = []
  const flush = async (): Promise<void> => {
    given += batch.length
    added += await stores.dnc.add(list, batch, 'imported by dce')
    batch = []
  }
  const file = createReadStream(path)
  for await (const row of createInterface({ input: file, crlfDelay: Infinity })) {
    line++
    const value = row
      .replace(/^\uFEFF/, '')
      .split(/[,;\t]/)[0]!
      .trim()
      .replaceAll('"', '')
    if (value === '' || (line === 1 && /[a-z]/i.test(value))) continue // Blank, or a heading.
    const number = parsePhoneNumber(value)
    if (number) batch.push(number)
    else if (++invalid <= MAX_INVALID_SHOWN) shown.push({ line, value: value.slice(0, 100) })
    if (batch.length < BATCH) continue
    await flush()
    progress.show(file.bytesRead, line)
  }
  await flush()
  return { words: `${added} added, ${given - added} already listed`, invalid, shown }
}

/**
 * A list that this makes refuses no call until it has numbers, and is gone again when there come none: calls would be refused for a file that
 * is none.
 */
async function intoNamedList(
  path: string,
  name: string,
  flags: ReadonlyMap<string, string>,
  storage: Storage,
  progress: Progress,
): Promise<Imported> {
  const { lists } = storage.stores.suppression
  const found = await listNamed(name, storage)
  if (found !== null) return intoList(path, found, flags, storage, progress)
  const draft = draftOf(name, path, flags, storage)
  optionsOf(draft, path, flags)
  const { id } = await lists.create({ ...draft, whenExpired: 'warn' })
  try {
    const imported = await intoList(path, { ...draft, id }, flags, storage, progress)
    await lists.update(id, { whenExpired: draft.whenExpired }, null)
    return imported
  } catch (error) {
    await lists.remove(id).catch(() => {})
    throw error
  }
}

type Lists = Storage['stores']['suppression']
type ListDraft = Parameters<Lists['lists']['create']>[0]
type ImportOptions = Parameters<Lists['import']>[2]

/** How the file is to be taken. Throws for flags that do not say it. */
function optionsOf(list: ListDraft, path: string, flags: ReadonlyMap<string, string>): ImportOptions {
  const mode = oneOf(flags, 'mode', IMPORT_MODES) ?? usualMode(list)
  const versionDate = dateOf(flags.get('version-date'))
  if (versionDate === null && needsDate(list, mode))
    throw new Error(`--version-date is missing: ${list.name} may be used for ${list.expiresAfterDays} days from then`)
  const mayShrink = flags.get('may-shrink') === 'true'
  return { mode, versionDate, mayShrink, doneBy: `dce dnc import ${basename(path)}` }
}

async function intoList(
  path: string,
  list: ListDraft & Pick<SuppressionList, 'id'>,
  flags: ReadonlyMap<string, string>,
  { stores }: Storage,
  progress: Progress,
): Promise<Imported> {
  const options = optionsOf(list, path, flags)
  const told = await stores.suppression.import(list.id, createReadStream(path), options, ({ bytes, lines }) =>
    progress.show(bytes, lines),
  )
  const { added, removed, numbers, invalid, invalidShown } = told
  const aged = { ...list, versionDate: options.versionDate ?? list.versionDate }
  const words = `${added} added, ${removed} removed, ${numbers} on the list ${list.name}`
  return { words: isExpired(aged, Date.now()) ? `${words}, which is too old` : words, invalid, shown: invalidShown }
}

async function listNamed(name: string, { stores }: Storage): Promise<SuppressionList | null> {
  const { lists } = stores.suppression
  for (let cursor: string | null = null; ;) {
    const page: Awaited<ReturnType<typeof lists.list>> = await lists.list({ limit: 1_000, cursor }, {})
    const found = page.data.find((list) => list.name === name)
    if (found) return found
    if (page.nextCursor === null) return null
    cursor = page.nextCursor
  }
}

/** A new list, as the flags say. Throws for those that do not. */
function draftOf(
  name: string,
  path: string,
  flags: ReadonlyMap<string, string>,
  { operatorId }: Pick<Storage, 'operatorId'>,
): ListDraft {
  const kind = oneOf(flags, 'kind', SUPPRESSION_KINDS) ?? (isKind(name) ? name : null)
  if (kind === null)
    throw new Error(`--list ${name}: there is none; to make it, say --kind ${SUPPRESSION_KINDS.join('|')}`)
  if (kind === 'buyer') throw new Error('--kind buyer: make it by POST /api/v1/dnc/lists, which says whose it is')
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) throw new Error(`--list ${name}: small letters, digits, . _ -`)
  const state = flags.get('state') ?? null
  if ((kind === 'state') !== (state !== null)) throw new Error('--state: two letters, for --kind state')
  if (state !== null && !/^[A-Z]{2}$/.test(state)) throw new Error(`--state ${state}: two capital letters, such as TX`)
  const days = flags.get('expires-after-days')
  if (days !== undefined && !/^[1-9]\d{0,3}$/.test(days))
    throw new Error(`--expires-after-days ${days}: a number of days`)
  return {
    accountId: operatorId,
    name,
    kind,
    source: flags.get('source') ?? basename(path),
    state,
    versionDate: null,
    expiresAfterDays: days !== undefined ? Number(days) : kind === 'national' ? NATIONAL_EXPIRES_DAYS : null,
    whenExpired: 'refuse',
    lookup: null,
    numbers: 0,
    revision: 0,
    replacedAt: 0,
  }
}

function isKind(name: string): name is SuppressionKind {
  return (SUPPRESSION_KINDS as readonly string[]).includes(name)
}

function oneOf<T extends string>(flags: ReadonlyMap<string, string>, flag: string, words: readonly T[]): T | null {
  const text = flags.get(flag)
  if (text === undefined) return null
  const found = words.find((word) => word === text)
  if (found === undefined) throw new Error(`--${flag} ${text}: ${words.join(', ')}`)
  return found
}

function dateOf(text: string | undefined): Date | null {
  if (text === undefined) return null
  const date = new Date(text)
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(date.getTime()))
    throw new Error(`--version-date ${text}: a day, such as 2026-11-01`)
  if (date.getTime() > Date.now()) throw new Error(`--version-date ${text}: is in the future`)
  return date
}
