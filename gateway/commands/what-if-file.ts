import { isId, type BidId } from '../../model/ids.ts'
import { parseMoney } from '../../model/money.ts'
import { IGNORED, type BidChange, type Ignored, type RuleChanges } from '../../routing/what-if.ts'

/** Bids that one what-if may change. */
export const MAX_CHANGED_BIDS = 10_000

export type WrittenChange = Omit<BidChange, 'now'>

type Fields = Readonly<Record<string, unknown>>

const BID_FIELDS = ['bid_id', 'amount', 'status', 'billable_after', 'max_concurrent_calls'] as const
const RULES = ['reserve_price', 'price_rule', 'soft_floor', 'max_billable_after', 'max_awards', 'without'] as const
const MAX_SECONDS = 86_400
const MAX_CALLS = 1_000_000
const MAX_AWARDS = 100

/**
 * Reads `--bids FILE`: CSV under a heading of field names, a JSON array, or an object of JSON a line; the fields are those of the API's
 * bids, `bid_id` always. Throws with the line and the field that is wrong.
 */
export function readBidChanges(text: string): Map<BidId, WrittenChange> {
  const changes = new Map<BidId, WrittenChange>()
  for (const { where, fields } of recordsOf(text)) {
    for (const name of Object.keys(fields))
      if (!BID_FIELDS.includes(name as 'bid_id'))
        throw new Error(`${where}: ${name}: not one of ${BID_FIELDS.join(', ')}`)
    const id = fields['bid_id']
    if (typeof id !== 'string' || !isId(id)) throw new Error(`${where}: bid_id: ${said(id)} is not the id of a bid`)
    if (changes.has(id as BidId)) throw new Error(`${where}: bid ${id} comes twice`)
    const change = changeOf(fields, where)
    if (Object.keys(change).length === 0) throw new Error(`${where}: nothing of bid ${id} is changed`)
    changes.set(id as BidId, change)
    if (changes.size > MAX_CHANGED_BIDS) throw new Error(`${where}: more than ${MAX_CHANGED_BIDS} bids`)
  }
  if (changes.size === 0) throw new Error('no bid is in it')
  return changes
}

function changeOf(fields: Fields, where: string): WrittenChange {
  const { amount, status, billable_after: after, max_concurrent_calls: most } = fields
  return {
    ...(isGiven(amount) && { amountMicros: money(amount, `${where}: amount`) }),
    ...(isGiven(status) && { status: oneOf(status, ['active', 'paused'] as const, `${where}: status`) }),
    ...(isGiven(after) && { billableAfter: whole(after, 0, MAX_SECONDS, `${where}: billable_after`) }),
    ...(isGiven(most) && {
      maxConcurrentCalls: most === 'null' ? null : whole(most, 1, MAX_CALLS, `${where}: max_concurrent_calls`),
    }),
  }
}

/** Reads `--set KEY=VALUE,…`, or the object of JSON that `--rules FILE` has. Throws with the rule that is wrong. */
export function readRules(text: string): RuleChanges {
  const fields = text.trimStart().startsWith('{') ? jsonOf(text, '--rules') : pairsOf(text)
  for (const name of Object.keys(fields))
    if (!RULES.includes(name as 'without')) throw new Error(`rule ${name}: not one of ${RULES.join(', ')}`)
  const { reserve_price: reserve, price_rule: rule, soft_floor: floor, max_billable_after: after } = fields
  const { max_awards: most, without } = fields
  const ignored = typeof without === 'string' ? without.split('+') : without
  return {
    ...(isGiven(reserve) && { reservePriceMicros: money(reserve, 'rule reserve_price') }),
    ...(isGiven(rule) && { priceRule: oneOf(rule, ['second', 'first'] as const, 'rule price_rule') }),
    ...(floor !== undefined && {
      softFloorMicros: floor === null || floor === 'null' ? null : money(floor, 'rule soft_floor'),
    }),
    ...(isGiven(after) && { maxBillableAfter: whole(after, 0, MAX_SECONDS, 'rule max_billable_after') }),
    ...(isGiven(most) && { maxAwards: whole(most, 1, MAX_AWARDS, 'rule max_awards') }),
    ...(ignored !== undefined && { without: new Set(listOf(ignored)) }),
  }
}

function listOf(value: unknown): Ignored[] {
  if (!Array.isArray(value)) throw new Error(`rule without: ${said(value)} is no list`)
  return value.map((name) => oneOf(name, IGNORED, 'rule without'))
}

function recordsOf(text: string): { where: string; fields: Fields }[] {
  const trimmed = text.trim()
  if (trimmed.startsWith('[')) {
    const list = parseJson(trimmed, 'the file')
    if (!Array.isArray(list)) throw new Error('the file: not a list')
    return list.map((one, i) => ({ where: `entry ${i + 1}`, fields: objectOf(one, `entry ${i + 1}`) }))
  }
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ where: `line ${i + 1}`, line: line.trim() }))
    .filter(({ line }) => line !== '')
  if (trimmed.startsWith('{')) return lines.map(({ where, line }) => ({ where, fields: jsonOf(line, where) }))
  const [heading, ...rows] = lines
  const names = cellsOf(heading?.line ?? '')
  if (!names.includes('bid_id')) throw new Error(`line 1: a heading with bid_id, or JSON, is wanted`)
  return rows.map(({ where, line }) => {
    const cells = cellsOf(line)
    if (cells.length > names.length) throw new Error(`${where}: ${cells.length} cells under ${names.length} names`)
    return { where, fields: Object.fromEntries(names.map((name, i) => [name, cells[i] === '' ? undefined : cells[i]])) }
  })
}

/** No field has a comma in it. */
function cellsOf(line: string): string[] {
  return line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
}

function pairsOf(text: string): Fields {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const cut = pair.indexOf('=')
      if (cut < 1) throw new Error(`--set ${pair}: KEY=VALUE is wanted`)
      return [pair.slice(0, cut).trim(), pair.slice(cut + 1).trim()]
    }),
  )
}

function jsonOf(text: string, where: string): Fields {
  return objectOf(parseJson(text, where), where)
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
}

function objectOf(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where}: not an object`)
  return value as Fields
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function money(value: unknown, what: string): bigint {
  const micros = typeof value === 'string' || typeof value === 'number' ? parseMoney(value) : null
  if (micros === null) throw new Error(`${what}: ${said(value)} is not an amount of money`)
  return micros
}

function whole(value: unknown, least: number, most: number, what: string): number {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most)
    throw new Error(`${what}: ${said(value)} is not a whole number of ${least} to ${most}`)
  return number
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === value)
  if (found === undefined) throw new Error(`${what}: ${said(value)} is not one of ${allowed.join(', ')}`)
  return found
}

function said(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 100) ?? 'nothing'
}
