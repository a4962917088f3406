import { strict as assert } from 'node:assert'
import { CENT, type Micros } from '../model/money.ts'
import type { BankDay, Payout } from '../model/payout.ts'

const RECORD = 94
/** Records of a block; the last one is filled up with nines. */
const BLOCK = 10
/** What an entry's amount has room for: $99,999,999.99. */
export const MOST_OF_ENTRY: Micros = 99_999_999_990_000n
const MOST_ENTRIES = 999_999
const MOST_CENTS_OF_FILE = 999_999_999_999n
/** Trace numbers have seven digits for the entry. */
const TRACES = 10_000_000n

/** Who sends the file, and to which bank, as the bank that takes it (the ODFI) has agreed with the sender. */
export interface AchOriginator {
  /** Immediate destination: the routing number of the bank. */
  readonly destination: string
  readonly destinationName: string
  /** Immediate origin: ten characters, as the bank gave them. */
  readonly origin: string
  readonly originName: string
  readonly companyName: string
  /** Ten characters, often 1 and the tax number. */
  readonly companyId: string
  /** What the receiver's statement says of it: ten characters. */
  readonly description: string
}

export interface AchFile {
  /** When it was made, as the clocks at the Federal Reserve say: `2026-11-30` and `0930`. */
  readonly createdOn: BankDay
  readonly createdAt: string
  readonly effectiveOn: BankDay
  /** Tells files of one day apart: A to Z, then 0 to 9. */
  readonly sequence: number
  readonly entries: readonly AchEntry[]
}

export type AchEntry = Pick<
  Payout,
  'accountId' | 'entry' | 'amountMicros' | 'holder' | 'holderType' | 'kind' | 'routingNumber'
> & {
  /** In the clear. */
  readonly number: string
}

/** What the bank names an entry by: eight digits of its own routing number, seven of the entry. */
export function traceNumber(destination: string, entry: bigint): string {
  return destination.slice(0, 8) + String(entry % TRACES).padStart(7, '0')
}

/**
 * A file of credits by the Nacha Operating Rules (appendix three: the file format): PPD for persons, CCD for companies, a batch
 * each. The same input is the same text. Throws AssertionError for what has no place in it.
 */
export function createAchFile(file: AchFile, originator: AchOriginator): string {
  assert(file.entries.length > 0 && file.entries.length <= MOST_ENTRIES, 'a file has entries, and not too many')
  const modifier = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'[file.sequence % 36]!
  const records = [
    join(
      '101',
      ` ${digits(originator.destination, 9)}`,
      text(originator.origin, 10, 'right'),
      shortDay(file.createdOn) + file.createdAt + modifier,
      '094101',
      text(originator.destinationName, 23),
      text(originator.originName, 23),
      text('', 8),
    ),
  ]
  const sums: Sums[] = []
  for (const [code, holderType] of [
    ['PPD', 'person'],
    ['CCD', 'company'],
  ] as const) {
    const entries = file.entries
      .filter((entry) => entry.holderType === holderType)
      .toSorted((a, b) => Number((a.entry % TRACES) - (b.entry % TRACES)))
    if (entries.length > 0) sums.push(addBatch(records, { code, number: sums.length + 1, entries }, file, originator))
  }
  const all = addUp(sums)
  const blocks = Math.ceil((records.length + 1) / BLOCK)
  records.push(join('9', digits(sums.length, 6), digits(blocks, 6), digits(all.entries, 8), totals(all), text('', 39)))
  while (records.length % BLOCK !== 0) records.push('9'.repeat(RECORD))
  return `${records.join('\n')}\n`
}

interface Sums {
  readonly entries: number
  /** The first eight digits of every routing number, added up. */
  readonly hash: bigint
  readonly cents: bigint
}

interface Batch {
  readonly code: 'PPD' | 'CCD'
  readonly number: number
  readonly entries: readonly AchEntry[]
}

/** Credits only. */
const SERVICE_CLASS = '220'

function addBatch(records: string[], batch: Batch, file: AchFile, originator: AchOriginator): Sums {
  const { companyId, destination } = originator
  const end = [text(companyId, 10), destination.slice(0, 8) + digits(batch.number, 7)] as const
  records.push(
    join(
      `5${SERVICE_CLASS}`,
      text(originator.companyName, 16),
      text('', 20),
      end[0],
      batch.code,
      text(originator.description, 10),
      text('', 6),
      shortDay(file.effectiveOn),
      '   1', // The bank fills in the settlement date; 1: a depository institution sends it.
      end[1],
    ),
  )
  for (const entry of batch.entries) records.push(entryRecord(entry, destination))
  const sums = addUp(
    batch.entries.map(({ routingNumber, amountMicros }) => ({
      entries: 1,
      hash: BigInt(routingNumber.slice(0, 8)),
      cents: amountMicros / CENT,
    })),
  )
  records.push(
    join(`8${SERVICE_CLASS}`, digits(sums.entries, 6), totals(sums), end[0], text('', 19), text('', 6), end[1]),
  )
  return sums
}

function entryRecord(entry: AchEntry, destination: string): string {
  const { amountMicros, kind } = entry
  assert(amountMicros % CENT === 0n && amountMicros >= 0n && amountMicros <= MOST_OF_ENTRY, 'an amount of whole cents')
  // A credit to a checking or a savings account; without an amount it is a prenote.
  const transaction = (kind === 'checking' ? 22 : 32) + (amountMicros === 0n ? 1 : 0)
  return join(
    `6${transaction}`,
    digits(entry.routingNumber, 9), // Eight digits of the bank and its check digit.
    text(entry.number, 17),
    digits(amountMicros / CENT, 10),
    text(entry.accountId.replaceAll('-', '').slice(-15), 15),
    text(entry.holder, 22),
    '  0', // No addenda.
    traceNumber(destination, entry.entry),
  )
}

function addUp(sums: readonly Sums[]): Sums {
  return sums.reduce(
    (all, { entries, hash, cents }) => ({
      entries: all.entries + entries,
      hash: all.hash + hash,
      cents: all.cents + cents,
    }),
    { entries: 0, hash: 0n, cents: 0n },
  )
}

/** The entry hash, of which the rightmost ten digits count, no debits, and the credits. */
function totals({ hash, cents }: Sums): string {
  assert(cents <= MOST_CENTS_OF_FILE, 'more than a file can say')
  return digits(hash % 10_000_000_000n, 10) + digits(0, 12) + digits(cents, 12)
}

function join(...fields: readonly string[]): string {
  const record = fields.join('')
  assert(record.length === RECORD, `a record of ${record.length} characters`)
  return record
}

/** A number, zeros in front. */
function digits(value: bigint | number | string, length: number): string {
  const shown = String(value)
  assert(/^\d+$/.test(shown) && shown.length <= length, `${shown.length} digits where ${length} have room`)
  return shown.padStart(length, '0')
}

/** A text, cut or filled up with blanks, in the characters that every bank reads. */
function text(value: string, length: number, side: 'left' | 'right' = 'left'): string {
  const plain = value
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\x20-\x7e]/g, ' ')
    .slice(0, length)
  return side === 'left' ? plain.padEnd(length) : plain.padStart(length)
}

function shortDay(day: BankDay): string {
  return day.slice(2).replaceAll('-', '')
}
