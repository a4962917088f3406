import {
  CERTIFICATE_KINDS,
  type CertificateKind,
  type ConsentChannel,
  type GivenConsent,
  type KeptConsent,
} from '../../model/consent.ts'
import type { AccountId, ConsentId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

/** Consents of one number that are kept in memory: of more, those that ended go first, then the oldest. */
export const MAX_PER_NUMBER = 32

const FIRST_ROWS = 64
const FIRST_HEADS = 128
/** No row; also the end of a number's list. */
const NONE = -1
const NEVER = 0
const CHANNEL_BITS: Readonly<Record<ConsentChannel, number>> = { call: 1, text: 2, autodial: 4 }
/** A person may call whom a machine may call. */
const MAY_CALL = CHANNEL_BITS.call | CHANNEL_BITS.autodial
const CERTIFICATE_BITS: Readonly<Record<CertificateKind, number>> = { trustedform: 8, jornaya: 16 }
/** By their bits. */
const CERTIFICATES: readonly (readonly CertificateKind[])[] = [0, 1, 2, 3].map((bits) =>
  CERTIFICATE_KINDS.filter((kind) => (bits & (CERTIFICATE_BITS[kind] >> 3)) !== 0),
)
const NOTHING: readonly GivenConsent[] = []

/** Whom consents name: many name the same, as the forms they come from do. */
interface Parties {
  readonly key: string
  readonly sellers: number
  readonly accounts: readonly AccountId[]
  uses: number
}

/**
 * The consents of every number, made for millions: a row of 57 bytes each in typed arrays, found by a hash table of the numbers, the
 * rows of one number in a list. Times are whole seconds. Revoked ones stay: what a call brings must not be older than the consumer's no.
 */
export class ConsentIndex {
  /** Rows that are kept; what comes beyond them is counted and left out. */
  readonly most: number
  #numbers = new Float64Array(FIRST_ROWS)
  /** Four words each. */
  #ids = new Uint32Array(FIRST_ROWS * 4)
  #given = new Uint32Array(FIRST_ROWS)
  #expires = new Uint32Array(FIRST_ROWS)
  #revoked = new Uint32Array(FIRST_ROWS)
  #certified = new Uint32Array(FIRST_ROWS)
  #parties = new Uint32Array(FIRST_ROWS)
  /** The ZIP code plus one; 0: none. */
  #zips = new Uint32Array(FIRST_ROWS)
  #next = new Int32Array(FIRST_ROWS)
  #flags = new Uint8Array(FIRST_ROWS)
  /** The first row of a number, or of several that meet here. */
  #heads = new Int32Array(FIRST_HEADS).fill(NONE)
  readonly #interned = new Map<string, number>()
  readonly #named: (Parties | undefined)[] = []
  readonly #freeNames: number[] = []
  /** Rows that were given back, through `#next`. */
  #free = NONE
  #used = 0
  #size = 0
  #omitted = 0
  #isKept = false

  constructor(most: number) {
    this.most = most
  }

  get size(): number {
    return this.#size
  }

  /** Consents that there was no room for: calls are judged as if there were none. */
  get omitted(): number {
    return this.#omitted
  }

  /** Whether the exchange has ever kept a consent. */
  get isKept(): boolean {
    return this.#isKept
  }

  noteKept(): void {
    this.#isKept = true
  }

  /** Bytes of the tables, whom consents name estimated. */
  get bytes(): number {
    const rows = [
      this.#numbers,
      this.#ids,
      this.#given,
      this.#expires,
      this.#revoked,
      this.#certified,
      this.#parties,
      this.#zips,
    ]
    const tables = [...rows, this.#next, this.#flags, this.#heads].reduce((sum, { byteLength }) => sum + byteLength, 0)
    const names = this.#named.reduce((sum, one) => sum + (one ? 150 + one.key.length + one.accounts.length * 8 : 8), 0)
    return tables + names
  }

  /** Takes a consent as it is now, in place of what it was. */
  put(consent: KeptConsent): void {
    this.#isKept = true
    const number = numberOf(consent.number)
    const found = this.#find(number, consent.id)
    if (found !== NONE) return this.#write(found, number, consent)
    this.#makeRoom(number)
    if (this.#size >= this.most) {
      this.#omitted++
      return
    }
    const row = this.#take()
    this.#parties[row] = NONE
    this.#write(row, number, consent)
    const home = this.#home(number)
    this.#next[row] = this.#heads[home]!
    this.#heads[home] = row
    this.#size++
    if (this.#size * 2 > this.#heads.length) this.#rehash()
  }

  drop({ number, id }: Pick<KeptConsent, 'number' | 'id'>): void {
    const row = this.#find(numberOf(number), id)
    if (row !== NONE) this.#remove(row)
  }

  /** The number's consents that are good for a call at that moment, the youngest first. */
  validFor(number: PhoneNumber, atMs: number): readonly GivenConsent[] {
    if (this.#size === 0) return NOTHING
    const wanted = numberOf(number)
    const at = Math.floor(atMs / 1000)
    let first = NONE
    let rows: number[] | null = null
    for (let row = this.#heads[this.#home(wanted)]!; row !== NONE; row = this.#next[row]!) {
      if (this.#numbers[row] !== wanted || this.#revoked[row] !== NEVER || (this.#flags[row]! & MAY_CALL) === 0)
        continue
      if (this.#given[row]! > at || (this.#expires[row] !== NEVER && at >= this.#expires[row]!)) continue
      if (first === NONE) first = row
      else (rows ??= [first]).push(row)
    }
    if (first === NONE) return NOTHING
    if (rows === null) return [this.#read(first)]
    rows.sort((a, b) => this.#given[b]! - this.#given[a]!)
    return rows.map((row) => this.#read(row))
  }

  /** When the number's consumer last took a consent back, ms; null: never, as far as is known. */
  lastRevokedMs(number: PhoneNumber): number | null {
    if (this.#size === 0) return null
    const wanted = numberOf(number)
    let last = NEVER
    for (let row = this.#heads[this.#home(wanted)]!; row !== NONE; row = this.#next[row]!)
      if (this.#numbers[row] === wanted && this.#revoked[row]! > last) last = this.#revoked[row]!
    return last === NEVER ? null : last * 1000
  }

  #read(row: number): GivenConsent {
    const parties = this.#named[this.#parties[row]!]!
    return {
      id: this.#idOf(row),
      givenAtMs: this.#given[row]! * 1000,
      certificates: CERTIFICATES[this.#flags[row]! >> 3]!,
      certifiedAtMs: this.#certified[row]! * 1000,
      sellers: parties.sellers,
      accounts: parties.accounts,
      zip: this.#zips[row] === 0 ? null : String(this.#zips[row]! - 1).padStart(5, '0'),
    }
  }

  #write(row: number, number: number, consent: KeptConsent): void {
    const { id, givenAtMs, expiresAtMs, revokedAtMs, certifiedAtMs, channels, certificates } = consent
    this.#numbers[row] = number
    for (let word = 0; word < 4; word++) this.#ids[row * 4 + word] = wordOf(id, word)
    this.#given[row] = seconds(givenAtMs)
    this.#expires[row] = expiresAtMs === null ? NEVER : seconds(expiresAtMs)
    this.#revoked[row] = revokedAtMs === null ? NEVER : seconds(revokedAtMs)
    this.#certified[row] = seconds(certifiedAtMs)
    this.#zips[row] = consent.zip === null ? 0 : Number(consent.zip) + 1
    let flags = 0
    for (const channel of channels) flags |= CHANNEL_BITS[channel]
    for (const kind of certificates) flags |= CERTIFICATE_BITS[kind]
    this.#flags[row] = flags
    const before = this.#parties[row]!
    this.#parties[row] = this.#intern(consent)
    if (before !== NONE >>> 0) this.#forgetParties(before)
  }

  #intern({ sellers, accounts }: KeptConsent): number {
    const key = `${sellers} ${accounts.toSorted().join(' ')}`
    let at = this.#interned.get(key)
    if (at === undefined) {
      at = this.#freeNames.pop() ?? this.#named.length
      this.#interned.set(key, at)
      this.#named[at] = { key, sellers, accounts: [...accounts], uses: 0 }
    }
    this.#named[at]!.uses++
    return at
  }

  #forgetParties(at: number): void {
    const parties = this.#named[at]!
    if (--parties.uses > 0) return
    this.#interned.delete(parties.key)
    this.#named[at] = undefined
    this.#freeNames.push(at)
  }

  #find(number: number, id: ConsentId): number {
    const last = wordOf(id, 3)
    for (let row = this.#heads[this.#home(number)]!; row !== NONE; row = this.#next[row]!)
      if (this.#numbers[row] === number && this.#ids[row * 4 + 3] === last && this.#idOf(row) === id) return row
    return NONE
  }

  /** Of a number that has its most, the one goes that is missed the least. */
  #makeRoom(number: number): void {
    let count = 0
    let least = NONE
    for (let row = this.#heads[this.#home(number)]!; row !== NONE; row = this.#next[row]!) {
      if (this.#numbers[row] !== number) continue
      count++
      if (least === NONE || this.#worth(row) < this.#worth(least)) least = row
    }
    if (count >= MAX_PER_NUMBER) this.#remove(least)
  }

  /** The latest revocation is worth more than any consent of before, and an expiring one less than one that stays. */
  #worth(row: number): number {
    const revoked = this.#revoked[row]!
    if (revoked !== NEVER) return revoked
    return this.#expires[row] === NEVER ? this.#given[row]! : Math.min(this.#given[row]!, this.#expires[row]!)
  }

  #remove(gone: number): void {
    const home = this.#home(this.#numbers[gone]!)
    if (this.#heads[home] === gone) this.#heads[home] = this.#next[gone]!
    else
      for (let row = this.#heads[home]!; row !== NONE; row = this.#next[row]!)
        if (this.#next[row] === gone) {
          this.#next[row] = this.#next[gone]!
          break
        }
    this.#forgetParties(this.#parties[gone]!)
    this.#next[gone] = this.#free
    this.#free = gone
    this.#size--
  }

  /** A row that is nobody's. */
  #take(): number {
    const row = this.#free
    if (row !== NONE) {
      this.#free = this.#next[row]!
      return row
    }
    if (this.#used === this.#numbers.length) this.#grow()
    return this.#used++
  }

  #grow(): void {
    const rows = Math.min(Math.max(this.most, FIRST_ROWS), Math.ceil(this.#numbers.length * 1.5))
    this.#numbers = grown(this.#numbers, new Float64Array(rows))
    this.#ids = grown(this.#ids, new Uint32Array(rows * 4))
    this.#given = grown(this.#given, new Uint32Array(rows))
    this.#expires = grown(this.#expires, new Uint32Array(rows))
    this.#revoked = grown(this.#revoked, new Uint32Array(rows))
    this.#certified = grown(this.#certified, new Uint32Array(rows))
    this.#parties = grown(this.#parties, new Uint32Array(rows))
    this.#zips = grown(this.#zips, new Uint32Array(rows))
    this.#next = grown(this.#next, new Int32Array(rows))
    this.#flags = grown(this.#flags, new Uint8Array(rows))
  }

  #rehash(): void {
    const old = this.#heads
    this.#heads = new Int32Array(old.length * 2).fill(NONE)
    for (let head of old)
      while (head !== NONE) {
        const next = this.#next[head]!
        const home = this.#home(this.#numbers[head]!)
        this.#next[head] = this.#heads[home]!
        this.#heads[home] = head
        head = next
      }
  }

  /** Spreads neighbouring numbers over the table: lists come sorted. */
  #home(number: number): number {
    const mixed = Math.imul(number ^ Math.floor(number / 4_294_967_296), 0x2c1b3c6d)
    return ((mixed ^ (mixed >>> 15)) >>> 0) & (this.#heads.length - 1)
  }

  #idOf(row: number): ConsentId {
    const at = row * 4
    const first = this.#ids[at]!
    const second = this.#ids[at + 1]!
    const third = this.#ids[at + 2]!
    const last = this.#ids[at + 3]!
    return `${hexOf(first >>> 16)}${hexOf(first)}-${hexOf(second >>> 16)}-${hexOf(second)}-${hexOf(third >>> 16)}-${hexOf(third)}${hexOf(last >>> 16)}${hexOf(last)}` as ConsentId
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The low 16 bits in four digits. */
function hexOf(value: number): string {
  return HEX[(value >>> 8) & 0xff]! + HEX[value & 0xff]!
}

/** At most 15 digits (E.164): exact in a double. */
function numberOf(number: PhoneNumber): number {
  let value = 0
  for (let at = 1; at < number.length; at++) value = value * 10 + number.charCodeAt(at) - 48
  return value
}

/** Whole seconds; what happened in 1970 was not in its first one, which stands for never. */
function seconds(ms: number): number {
  return Math.max(1, Math.min(0xffff_ffff, Math.floor(ms / 1000)))
}

/** One of the four 32-bit words of a UUID. */
function wordOf(id: ConsentId, word: number): number {
  if (word === 0) return Number.parseInt(id.slice(0, 8), 16)
  if (word === 1) return Number.parseInt(id.slice(9, 13) + id.slice(14, 18), 16)
  if (word === 2) return Number.parseInt(id.slice(19, 23) + id.slice(24, 28), 16)
  return Number.parseInt(id.slice(28), 16)
}

function grown<A extends Float64Array | Uint32Array | Int32Array | Uint8Array>(from: A, to: A): A {
  to.set(from)
  return to
}
