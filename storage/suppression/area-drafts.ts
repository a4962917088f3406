import { type AreaNumbers, listBits, LOCAL_NUMBERS, pack } from '../../model/area-numbers.ts'
import { MAX_FOREIGN } from '../../model/suppression-list.ts'

const WORDS = LOCAL_NUMBERS / 32
const FIRST_STEPS = 64
/** More steps than this are larger than the bitmaps they can be told by. */
const MOST_STEPS = 1 << 18

/** What a file says that cannot be taken. */
export class BadImport extends Error {
  override readonly name = 'BadImport'
}

/** What becomes of one area code: its numbers packed, and how many came and went. */
export interface DraftedArea {
  readonly packed: Uint8Array
  readonly size: number
  readonly added: number
  readonly removed: number
}

/**
 * What a file says of one area code: first each step as it comes, 4 bytes, then two bitmaps, so that no file makes it larger than 2.5 MB, and
 * none that only adds larger than 1.25 MB. The last word on a number stands.
 */
class AreaDraft {
  #steps: Uint32Array | null = new Uint32Array(FIRST_STEPS)
  #count = 0
  #adds: Uint32Array | null = null
  #removes: Uint32Array | null = null

  put(local: number, isRemoval: boolean): void {
    if (this.#steps === null) return this.#mark(local, isRemoval)
    if (this.#count === this.#steps.length) {
      if (this.#count * 2 > MOST_STEPS) {
        this.#toBitmaps()
        return this.#mark(local, isRemoval)
      }
      const longer = new Uint32Array(this.#count * 2)
      longer.set(this.#steps)
      this.#steps = longer
    }
    this.#steps[this.#count++] = local * 2 + (isRemoval ? 1 : 0)
  }

  /** Does it to a bitmap. */
  apply(bits: Uint32Array): void {
    if (this.#steps !== null) {
      for (let at = 0; at < this.#count; at++) {
        const step = this.#steps[at]!
        const local = step >>> 1
        if ((step & 1) === 0) bits[local >>> 5]! |= 1 << (local & 31)
        else bits[local >>> 5]! &= ~(1 << (local & 31))
      }
      return
    }
    const adds = this.#adds!
    const removes = this.#removes
    for (let word = 0; word < WORDS; word++)
      bits[word] = (bits[word]! & ~(removes === null ? 0 : removes[word]!)) | adds[word]!
  }

  #toBitmaps(): void {
    const steps = this.#steps!
    this.#steps = null
    this.#adds = new Uint32Array(WORDS)
    for (let at = 0; at < this.#count; at++) this.#mark(steps[at]! >>> 1, (steps[at]! & 1) === 1)
  }

  #mark(local: number, isRemoval: boolean): void {
    const word = local >>> 5
    const bit = 1 << (local & 31)
    if (isRemoval) {
      this.#removes ??= new Uint32Array(WORDS)
      this.#removes[word]! |= bit
      this.#adds![word]! &= ~bit
    } else {
      this.#adds![word]! |= bit
      if (this.#removes !== null) this.#removes[word]! &= ~bit
    }
  }
}

/** What a file says, by area code. */
export class AreaDrafts {
  readonly #areas = new Map<number, AreaDraft>()
  readonly #foreign = new Map<string, boolean>()
  readonly #before = new Uint32Array(WORDS)
  readonly #after = new Uint32Array(WORDS)

  /** The area codes it speaks of. */
  get areas(): readonly number[] {
    return [...this.#areas.keys()]
  }

  get hasForeign(): boolean {
    return this.#foreign.size > 0
  }

  put(area: number, local: number, isRemoval: boolean): void {
    let draft = this.#areas.get(area)
    if (draft === undefined) this.#areas.set(area, (draft = new AreaDraft()))
    draft.put(local, isRemoval)
  }

  /** Throws BadImport beyond MAX_FOREIGN. */
  putForeign(number: string, isRemoval: boolean): void {
    this.#foreign.set(number, isRemoval)
    if (this.#foreign.size > MAX_FOREIGN) throw new BadImport(`more than ${MAX_FOREIGN} numbers outside North America`)
  }

  /** The numbers of an area code afterwards, and forgets what was said of it. `replaces`: nothing of before stays. */
  take(area: number, before: AreaNumbers | null, replaces: boolean): DraftedArea {
    this.#before.fill(0)
    before?.mark(this.#before)
    if (replaces) this.#after.fill(0)
    else this.#after.set(this.#before)
    this.#areas.get(area)?.apply(this.#after)
    this.#areas.delete(area)
    let [size, added, removed] = [0, 0, 0]
    for (let word = 0; word < WORDS; word++) {
      const then = this.#before[word]!
      const now = this.#after[word]!
      if (now !== 0) size += ones(now)
      if (now === then) continue
      added += ones(now & ~then)
      removed += ones(then & ~now)
    }
    return { packed: pack(listBits(this.#after, size)), size, added, removed }
  }

  /** The same of numbers outside North America, a line each. */
  takeForeign(before: ReadonlySet<string>, replaces: boolean): DraftedArea {
    const after = new Set(replaces ? [] : before)
    for (const [number, isRemoval] of this.#foreign) {
      if (isRemoval) after.delete(number)
      else after.add(number)
    }
    if (after.size > MAX_FOREIGN) throw new BadImport(`more than ${MAX_FOREIGN} numbers outside North America`)
    const added = [...after].filter((number) => !before.has(number)).length
    const removed = [...before].filter((number) => !after.has(number)).length
    return { packed: Buffer.from([...after].toSorted().join('\n')), size: after.size, added, removed }
  }
}

/** The ones in 32 bits. */
function ones(word: number): number {
  let sum = word - ((word >>> 1) & 0x55555555)
  sum = (sum & 0x33333333) + ((sum >>> 2) & 0x33333333)
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
