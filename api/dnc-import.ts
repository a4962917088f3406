import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { DncList } from '../model/dnc.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { contentType, decodeText, limited, parseJson, readBody } from './body.ts'
import { check } from './faults.ts'
import type { Kit } from './kit.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const DEFAULT_IMPORT_LIMIT_BYTES = 20_000_000
/** Numbers written at once: long enough to be quick, short enough that calls are not kept waiting. */
const BATCH = 1000
/** Lines that are no numbers are all counted; this many are shown. */
const MAX_INVALID_SHOWN = 1000
const MAX_LINE = 1000

const DncLists = z.enum(['internal', 'blocked'])
const JsonImport = z.strictObject({
  list: DncLists,
  numbers: z.array(z.string()).min(1),
  reason: s.text(500).optional(),
})

export const ImportReport = z.strictObject({
  list: DncLists,
  added: z.int(),
  already_listed: z.int(),
  invalid: z.array(z.strictObject({ line: z.int(), value: z.string() })),
  invalid_omitted: z.int().meta({ description: `Lines that are no numbers, beyond the ${MAX_INVALID_SHOWN} shown` }),
})

/**
 * Adds the numbers of a body to a list as they come in, never holding more than a batch of text. A body that breaks off, or
 * turns out too long (413), leaves what was added before: doing it again adds the rest.
 */
export async function importDnc(
  kit: Kit,
  request: IncomingMessage,
  query: { list?: DncList | undefined; reason: string },
): Promise<z.input<typeof ImportReport>> {
  const type = contentType(request)
  const limit = kit.settings.importLimitBytes ?? DEFAULT_IMPORT_LIMIT_BYTES
  if (type === 'application/json') {
    const bytes = await readBody(request, Math.min(limit, kit.settings.bodyLimitBytes))
    const body = check(JsonImport, parseJson(decodeText(bytes)))
    return addAll(kit, body.list, body.reason ?? query.reason, body.numbers)
  }
  if (type !== 'text/csv' && type !== 'text/plain') {
    throw new Problem('unsupported_media_type', 'Send text/csv or text/plain, a number a line, or application/json.')
  }
  if (!query.list) throw invalid('/query/list', 'say which list, such as ?list=internal', 'required')
  return addAll(kit, query.list, query.reason, lines(limited(request, limit)))
}

async function addAll(
  kit: Kit,
  list: DncList,
  reason: string,
  values: Iterable<string> | AsyncIterable<string>,
): Promise<z.input<typeof ImportReport>> {
  const report = {
    list,
    added: 0,
    already_listed: 0,
    invalid: [] as { line: number; value: string }[],
    invalid_omitted: 0,
  }
  let batch = new Set<PhoneNumber>()
  let line = 0
  let given = 0

  async function flush(): Promise<void> {
    const added = given === 0 ? 0 : await kit.stores.dnc.add(list, [...batch], reason)
    report.added += added
    report.already_listed += given - added
    batch = new Set()
    given = 0
    await new Promise(setImmediate) // A store that answers from memory must not keep the loop from calls.
  }

  for await (const raw of values) {
    line++
    const value = firstField(raw)
    if (value === '' || (line === 1 && !/\d/.test(value))) continue // An empty line, or the heading of a CSV.
    const answer = value.length <= 64 ? kit.validatePhone(value) : null
    if (answer?.valid && answer.e164 !== null) {
      batch.add(answer.e164 as PhoneNumber)
      given++
    } else if (report.invalid.length < MAX_INVALID_SHOWN) report.invalid.push({ line, value: value.slice(0, 100) })
    else report.invalid_omitted++
    if (given >= BATCH || line % (BATCH * 10) === 0) await flush()
  }
  await flush()
  return report
}

/** The first column, without quotes: lists come as exports of other systems. */
function firstField(line: string): string {
  const text = line.replace(/^\uFEFF/, '').trim()
  const field = /^"((?:[^"]|"")*)"/.exec(text)?.[1] ?? text.split(/[,;\t]/, 1)[0] ?? ''
  return field.trim()
}

/** The lines of a text as its bytes come in. A line beyond MAX_LINE is cut: it is no number anyway. */
async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest = ''
  for await (const chunk of chunks) {
    const parts = (rest + decode(decoder, chunk)).split(/\r\n|\n|\r(?!$)/)
    rest = parts.pop() ?? ''
    yield* parts.map((part) => part.slice(0, MAX_LINE))
    if (rest.length > MAX_LINE * 2) rest = rest.slice(0, MAX_LINE)
  }
  if (rest !== '') yield rest.trimEnd().slice(0, MAX_LINE)
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Buffer): string {
  try {
    return decoder.decode(chunk, { stream: true })
  } catch {
    throw new Problem('bad_request', 'The body is not UTF-8 text.')
  }
}
