import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { fingerprintOf, seal } from '../compliance/consent/seal.ts'
import type { Consent } from '../model/consent.ts'
import { newId, type AccountId, type ConsentId } from '../model/ids.ts'
import { contentType, limited, parseJson } from './body.ts'
import { ConsentInput, readConsent, requireAccounts } from './consent-terms.ts'
import { BadCsv, csvRecords } from './csv-records.ts'
import { check } from './faults.ts'
import type { Kit } from './kit.ts'
import type { NewConsent } from './needs.ts'
import { Problem } from './problems.ts'

const DEFAULT_IMPORT_LIMIT_BYTES = 2_000_000_000
/** Consents written at once: long enough to be quick, short enough that calls are not kept waiting. */
const BATCH = 500
/** Bad lines are all counted; this many are named. */
const MAX_INVALID_SHOWN = 1_000
/** Letters of one record: what was shown may be in it. */
const MAX_RECORD = 300_000

/** Columns of a CSV, by the names of the JSON; what JSON nests has a column for each part. */
const COLUMNS = [
  'number',
  'name',
  'zip',
  'sellers',
  'disclosure',
  'disclosure_sha256',
  'page_url',
  'ip',
  'user_agent',
  'given_at',
  'form_snapshot',
  'trustedform_cert_url',
  'trustedform_issued_at',
  'jornaya_leadid',
  'jornaya_issued_at',
  'channels',
  'purpose',
  'expires_at',
  'shown',
  'revoked_at',
  'revocation_means',
  'revocation_honoured_by',
] as const
type Column = (typeof COLUMNS)[number]

export const ConsentImportReport = z.strictObject({
  kept: z.int(),
  already_kept: z.int(),
  invalid: z.array(z.strictObject({ line: z.int(), pointer: z.string(), detail: z.string() })),
  invalid_omitted: z.int().meta({ description: `Bad lines beyond the ${MAX_INVALID_SHOWN} named` }),
})
type Report = z.input<typeof ConsentImportReport>

/** One record as the API would take it, or what is wrong with it. */
interface Item {
  readonly line: number
  readonly read: () => unknown
}

/**
 * Keeps the consents of a body as they come in, never holding more than a batch of it. A bad line is named and left out; a body that
 * breaks off leaves what was kept before: doing it again keeps the rest.
 */
export async function importConsents(kit: Kit, request: IncomingMessage, by: string): Promise<Report> {
  const limit = kit.settings.importLimitBytes ?? DEFAULT_IMPORT_LIMIT_BYTES
  const texts = decoded(limited(request, limit))
  switch (contentType(request)) {
    case 'text/csv':
      return importAll(kit, csvItems(texts), by)
    case 'application/x-ndjson':
      return importAll(kit, jsonItems(texts), by)
    default:
      throw new Problem('unsupported_media_type', 'Send text/csv with a heading, or application/x-ndjson.')
  }
}

async function importAll(kit: Kit, items: AsyncIterable<Item>, by: string): Promise<Report> {
  const invalid: Report['invalid'] = []
  const report = { kept: 0, already_kept: 0, invalid, invalid_omitted: 0 }
  const accounts = new Map<AccountId, boolean>()
  let batch: { line: number; made: NewConsent }[] = []
  const refuse = (line: number, pointer: string, detail: string): void => {
    if (invalid.length < MAX_INVALID_SHOWN) invalid.push({ line, pointer, detail })
    else report.invalid_omitted++
  }

  async function flush(): Promise<void> {
    const room = kit.compliance.consentRoom()
    for (const { line } of batch.slice(room)) refuse(line, '', 'there is no room for more consents in memory')
    const taken = batch.slice(0, room).map(({ made }) => made)
    batch = []
    if (taken.length === 0) return
    const kept = await kit.stores.consents.add(taken)
    report.kept += kept.size
    report.already_kept += taken.length - kept.size
    await new Promise(setImmediate) // A store that answers from memory must not keep the loop from calls.
  }

  for await (const { line, read } of items) {
    try {
      const now = new Date(kit.clock.now())
      const record = readConsent(kit, check(ConsentInput, read()), by, now)
      await requireAccounts(kit, record, accounts)
      batch.push({
        line,
        made: { consent: firstVersion(record, 'imported', by, now), fingerprint: fingerprintOf(record) },
      })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      const [first] = error.errors
      refuse(line, first?.pointer ?? '', first?.detail ?? error.message)
    }
    if (batch.length >= BATCH) await flush()
  }
  await flush()
  return report
}

/** A consent as it is first kept. */
export function firstVersion(
  record: ReturnType<typeof readConsent>,
  deed: 'captured' | 'imported',
  by: string,
  at: Date,
): Consent {
  return seal({ ...record, id: newId<ConsentId>(), version: 1, deed, at, by, previousHash: null })
}

async function* jsonItems(texts: AsyncIterable<string>): AsyncGenerator<Item> {
  let line = 0
  let rest = ''
  let isTooLong = false
  function* items(parts: readonly string[]): Generator<Item> {
    for (const text of parts) {
      line++
      const wasTooLong = isTooLong || text.length > MAX_RECORD
      isTooLong = false
      if (wasTooLong) yield { line, read: () => fail(`is longer than ${MAX_RECORD} letters`) }
      else if (text.trim() !== '') yield { line, read: () => parseJson(text) }
    }
  }
  for await (const text of texts) {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    yield* items(parts)
    if (rest.length <= MAX_RECORD) continue
    isTooLong = true
    rest = ''
  }
  if (rest !== '' || isTooLong) yield* items([rest])
}

async function* csvItems(texts: AsyncIterable<string>): AsyncGenerator<Item> {
  let heading: readonly Column[] | null = null
  try {
    for await (const { line, fields } of csvRecords(texts, MAX_RECORD)) {
      if (heading === null) heading = readHeading(fields)
      else yield { line, read: () => ofColumns(heading!, fields) }
    }
  } catch (error) {
    if (error instanceof BadCsv) throw new Problem('bad_request', error.message)
    throw error
  }
}

function readHeading(fields: readonly string[]): readonly Column[] {
  const names = fields.map((field) =>
    field
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase(),
  )
  const unknown = names.find((name) => !(COLUMNS as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new Problem('bad_request', `The heading's column "${unknown.slice(0, 60)}" is none of ${COLUMNS.join(', ')}.`)
  if (new Set(names).size < names.length) throw new Problem('bad_request', 'The heading names a column twice.')
  return names as Column[]
}

/** A line as the API's JSON has it: `sellers` as `Name=account id; Name`, `channels` as `call autodial`. */
function ofColumns(heading: readonly Column[], fields: readonly string[]): unknown {
  if (fields.length !== heading.length) fail(`has ${fields.length} fields where the heading has ${heading.length}`)
  const at = Object.fromEntries(heading.map((name, i) => [name, fields[i]!])) as Partial<Record<Column, string>>
  const given = Object.fromEntries(Object.entries(at).filter(([, value]) => value.trim() !== ''))
  const { trustedform_cert_url, trustedform_issued_at, jornaya_leadid, jornaya_issued_at, ...rest } = given
  const { sellers, channels, revoked_at, revocation_means, revocation_honoured_by, ...plain } = rest
  const certificates = [
    trustedform_cert_url && { certificate: trustedform_cert_url, issued_at: trustedform_issued_at ?? null },
    jornaya_leadid && { certificate: jornaya_leadid, issued_at: jornaya_issued_at ?? null },
  ].filter((each) => each !== undefined)
  return {
    ...plain,
    certificates,
    ...(sellers && { sellers: sellers.split(';').map(readSeller) }),
    ...(channels && { channels: channels.toLowerCase().split(/[\s;|]+/) }),
    ...(revoked_at && {
      revocation: {
        at: revoked_at,
        means: revocation_means,
        ...(revocation_honoured_by && { honoured_by: revocation_honoured_by }),
      },
    }),
  }
}

function readSeller(text: string): { name: string; account_id?: string } {
  const [name = '', accountId] = text.split('=').map((part) => part.trim())
  return accountId ? { name, account_id: accountId } : { name }
}

function fail(detail: string): never {
  throw new Problem('invalid', detail, { errors: [{ pointer: '', detail, code: 'invalid' }] })
}

async function* decoded(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true })
    yield decoder.decode()
  } catch (error) {
    if (error instanceof TypeError) throw new Problem('bad_request', 'The body is not UTF-8 text.')
    throw error
  }
}
