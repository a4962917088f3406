import type { Queries, Row } from './postgres.ts'
import { storableJson } from './storable-json.ts'

/**
 * Rows as an array of a composite type, in PostgreSQL's binary format: what the server reads with neither a parser nor a look-up by name,
 * while of JSON it reads every name and every digit.
 */
export interface RowType {
  readonly name: string
  readonly columns: readonly (readonly [name: string, type: ColumnType])[]
}

export type ColumnType = keyof typeof TYPES

/** The numbers that a database has given its composite types, by their names. */
export type RowTypeIds = ReadonlyMap<string, number>

/** The numbers of composite types, tables' among them, in a database. */
export async function rowTypeIds(queries: Queries, names: readonly string[]): Promise<RowTypeIds> {
  const rows = await queries.rows('select t as name, t::regtype::oid as id from unnest($1::text[]) t', [names])
  return new Map(rows.map(({ name, id }) => [name, id]))
}

/** 2000-01-01Z, from which PostgreSQL counts, in ms. */
const EPOCH_MS = 946_684_800_000
const NO_DIGIT = 255
/** What a hexadecimal digit comes to, by its code. */
const NIBBLES = new Uint8Array(128).fill(NO_DIGIT)
for (const [i, digit] of Array.from('0123456789abcdef').entries()) {
  NIBBLES[digit.charCodeAt(0)] = i
  NIBBLES[digit.toUpperCase().charCodeAt(0)] = i
}
const HYPHEN = '-'.charCodeAt(0)
/** What a batch of 256 calls comes to, about. */
const FIRST_BYTES = 512 * 1024
/** A buffer that one large batch made larger than this is not kept. */
const KEPT_BYTES = 4 * 1024 * 1024
/** With a sign or without, a number of so many characters is one that JavaScript counts exactly. */
const SAFE_DIGITS = 15
/** The most bytes that one character of a string comes to. */
const BYTES_A_CHARACTER = 3

/** The built-in types (pg_type.dat): their numbers, which never change, and how a value goes out. */
const TYPES = {
  uuid: { id: 2950, write: (out: BinaryRows, value: string) => out.uuid(value) },
  text: { id: 25, write: (out: BinaryRows, value: string) => out.text(value) },
  timestamptz: { id: 1184, write: (out: BinaryRows, value: string) => out.timestamp(value) },
  bigint: { id: 20, write: (out: BinaryRows, value: string) => out.bigint(value) },
  integer: { id: 23, write: (out: BinaryRows, value: number) => out.integer(value) },
  'double precision': { id: 701, write: (out: BinaryRows, value: number) => out.double(value) },
  boolean: { id: 16, write: (out: BinaryRows, value: boolean) => out.boolean(value) },
  json: { id: 114, write: (out: BinaryRows, value: unknown) => out.text(storableJson(value)) },
  jsonb: { id: 3802, write: (out: BinaryRows, value: unknown) => out.jsonb(storableJson(value)) },
}

/** The bytes of one array. A value that its column cannot hold throws, as the server would refuse it. */
export class BinaryRows {
  /**
   * Where each array is put together, to be copied when its length is known. A buffer of its own for each cost more than its 64 kB: for
   * every 64 MB of buffers made, however soon they were let go, V8 marked the whole heap, every two seconds under any load.
   */
  static #room = Buffer.allocUnsafeSlow(FIRST_BYTES)

  #bytes = BinaryRows.#room
  #at = 0

  /** `rows` as an array of `type`; what a row does not have, or has as null, is null. */
  static of(rows: readonly Row[], type: RowType, ids: RowTypeIds): Buffer {
    const id = ids.get(type.name)
    if (id === undefined) throw new Error(`the database has no type ${type.name}`)
    return new BinaryRows().#array(rows, type, id)
  }

  #array(rows: readonly Row[], { columns }: RowType, rowId: number): Buffer {
    for (const word of [1, 0, rowId, rows.length, 1]) this.#word(word) // Dimensions, no nulls, element type, length, first index.
    for (const row of rows) {
      const start = this.#length()
      this.#word(columns.length)
      for (const [name, type] of columns) {
        const { id, write } = TYPES[type]
        this.#word(id)
        const value: unknown = row[name]
        if (value === null || value === undefined) {
          this.#word(-1)
          continue
        }
        const before = this.#length()
        write(this, value as never)
        this.#lengthIs(before)
      }
      this.#lengthIs(start)
    }
    return Buffer.from(this.#bytes.subarray(0, this.#at))
  }

  text(value: string): void {
    // A NUL character, which no text may have, and half a surrogate pair become U+FFFD, as in JSON (`storableJson`).
    const text = value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value
    this.#makeRoom(text.length * BYTES_A_CHARACTER)
    this.#at += this.#bytes.write(text, this.#at)
  }

  jsonb(value: string): void {
    this.#makeRoom(1)
    this.#bytes[this.#at++] = 1 // The format's version.
    this.text(value)
  }

  uuid(value: string): void {
    this.#makeRoom(16)
    const bytes = this.#bytes
    let at = this.#at
    let wrong = value.length === 36 ? 0 : 1
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) wrong |= value.charCodeAt(i++) ^ HYPHEN
      const high = NIBBLES[value.charCodeAt(i)] ?? NO_DIGIT
      const low = NIBBLES[value.charCodeAt(i + 1)] ?? NO_DIGIT
      wrong |= (high | low) & 0xf0
      bytes[at++] = (high << 4) | low
    }
    if (wrong !== 0) throw new TypeError(`no UUID: ${value.slice(0, 40)}`)
    this.#at = at
  }

  timestamp(value: string): void {
    this.#int64((Date.parse(value) - EPOCH_MS) * 1000)
  }

  bigint(value: string): void {
    if (value.length <= SAFE_DIGITS) return this.#int64(Number(value))
    this.#makeRoom(8)
    this.#at = this.#bytes.writeBigInt64BE(BigInt(value), this.#at)
  }

  /** In two halves: a tenth of what a BigInt costs. */
  #int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw new TypeError('no whole number, or no time')
    this.#makeRoom(8)
    this.#at = this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), this.#at)
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at)
  }

  integer(value: number): void {
    if (!Number.isInteger(value)) throw new TypeError(`no whole number: ${value}`)
    this.#makeRoom(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
  }

  double(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`no finite number: ${value}`)
    this.#makeRoom(8)
    this.#at = this.#bytes.writeDoubleBE(value, this.#at)
  }

  boolean(value: boolean): void {
    this.#makeRoom(1)
    this.#bytes[this.#at++] = value ? 1 : 0
  }

  /** The numbers of types have no sign, and a database that has kept much for long is in their upper half. */
  #word(value: number): void {
    this.#makeRoom(4)
    this.#at = this.#bytes.writeInt32BE(value | 0, this.#at)
  }

  /** Keeps room for the length of what follows. */
  #length(): number {
    this.#makeRoom(4)
    this.#at += 4
    return this.#at
  }

  #lengthIs(start: number): void {
    this.#bytes.writeInt32BE(this.#at - start, start - 4)
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
    if (larger.length <= KEPT_BYTES) BinaryRows.#room = larger
  }
}
