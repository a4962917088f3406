import { AreaNumbers } from '../model/area-numbers.ts'
import type { SuppressionListId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import {
  areaOf,
  FOREIGN_AREA,
  isNorthAmerican,
  localOf,
  type LoadedNumbers,
  type SuppressionKind,
  type SuppressionList,
} from '../model/suppression-list.ts'

const NO_AREAS: ReadonlyMap<number, AreaNumbers> = new Map()
const NO_TEXTS: ReadonlySet<string> = new Set()

/** One list with the numbers of one revision: replaced as a whole, so that a call never sees half a change. */
export class HeldList {
  readonly list: SuppressionList
  /** Null: its numbers are as the list says; else why they are not. */
  readonly damage: string | null
  /** `ftc of 2026-11-01`: what the record says was asked. */
  readonly label: string
  /** `not listed: ftc of 2026-11-01` */
  readonly notListed: string
  /** `2026-11-01`, or that there is none. */
  readonly version: string
  readonly #areas: ReadonlyMap<number, AreaNumbers>
  readonly #foreign: ReadonlySet<string>

  constructor(
    list: SuppressionList,
    areas: ReadonlyMap<number, AreaNumbers> = NO_AREAS,
    foreign: ReadonlySet<string> = NO_TEXTS,
    damage: string | null = null,
  ) {
    this.list = list
    this.damage = damage
    this.#areas = areas
    this.#foreign = foreign
    this.version = list.versionDate?.toISOString().slice(0, 10) ?? 'undated'
    this.label = list.versionDate === null ? list.name : `${list.name} of ${this.version}`
    this.notListed = `not listed: ${this.label}`
  }

  has(number: PhoneNumber): boolean {
    if (!isNorthAmerican(number)) return this.#foreign.size > 0 && this.#foreign.has(number)
    const area = this.#areas.get(areaOf(number))
    return area !== undefined && area.has(localOf(number))
  }

  /** The same numbers under what the list is called and asked now. */
  renamed(list: SuppressionList): HeldList {
    const { versionDate, numbers, revision, replacedAt } = this.list
    const kept = { ...list, versionDate, numbers, revision, replacedAt }
    return new HeldList(kept, this.#areas, this.#foreign, this.damage)
  }

  /** What becomes of it with these numbers. */
  with({ list, isWhole, areas, damage }: LoadedNumbers): HeldList {
    if (damage !== null) return new HeldList(list, this.#areas, this.#foreign, damage)
    const merged = new Map(isWhole ? [] : this.#areas)
    let foreign = isWhole ? NO_TEXTS : this.#foreign
    for (const { area, packed } of areas) {
      if (area === FOREIGN_AREA) foreign = new Set(new TextDecoder().decode(packed).split('\n').filter(Boolean))
      else {
        const numbers = new AreaNumbers(packed)
        if (numbers.size > 0) merged.set(area, numbers)
        else merged.delete(area)
      }
    }
    return new HeldList(list, merged, foreign)
  }

  /** Bytes of its numbers, those kept as texts estimated. */
  get bytes(): number {
    let sum = this.#foreign.size * 64
    for (const { bytes } of this.#areas.values()) sum += bytes.byteLength
    return sum
  }
}

/** Every list of numbers there is, in memory. Applying a change twice leaves them the same. */
export class SuppressionLists {
  readonly #held = new Map<SuppressionListId, HeldList>()
  #byName = new Map<string, HeldList>()
  #byKind = sorted([])
  #outside: readonly HeldList[] = []

  /** Those whose numbers are here; others are asked of whoever keeps them. */
  of(kind: SuppressionKind): readonly HeldList[] {
    return this.#byKind[kind]
  }

  /** Those that are asked of whoever keeps them. */
  get outside(): readonly HeldList[] {
    return this.#outside
  }

  get all(): Iterable<HeldList> {
    return this.#held.values()
  }

  get size(): number {
    return this.#held.size
  }

  find(name: string): HeldList | undefined {
    return this.#byName.get(name)
  }

  held(id: SuppressionListId): HeldList | undefined {
    return this.#held.get(id)
  }

  /** What a list is called and asked. Its numbers, where they have changed too, come by `take`: until then those of before stand. */
  apply(id: SuppressionListId, list: SuppressionList | null): void {
    const held = this.#held.get(id)
    if (list === null) this.#held.delete(id)
    else if (held !== undefined) this.#held.set(id, held.renamed(list))
    else
      this.#held.set(
        id,
        new HeldList(list, NO_AREAS, NO_TEXTS, list.revision === 0 ? null : 'its numbers are not loaded yet'),
      )
    this.#sort()
  }

  /** Numbers of a list that is still there, at a revision at least as new as the one held. */
  take(loaded: LoadedNumbers): void {
    const held = this.#held.get(loaded.list.id)
    if (held === undefined || held.list.revision > loaded.list.revision) return
    this.#held.set(loaded.list.id, held.with(loaded))
    this.#sort()
  }

  #sort(): void {
    const all = [...this.#held.values()].toSorted((a, b) => (a.list.name < b.list.name ? -1 : 1))
    this.#byName = new Map(all.map((held) => [held.list.name, held]))
    this.#byKind = sorted(all)
    this.#outside = all.filter(({ list }) => list.lookup !== null)
  }
}

function sorted(all: readonly HeldList[]): Readonly<Record<SuppressionKind, readonly HeldList[]>> {
  const of = (kind: SuppressionKind) => all.filter(({ list }) => list.kind === kind && list.lookup === null)
  return {
    national: of('national'),
    state: of('state'),
    internal: of('internal'),
    litigator: of('litigator'),
    blocked: of('blocked'),
    buyer: of('buyer'),
  }
}
