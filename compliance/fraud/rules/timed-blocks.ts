import type { FraudBlock, FraudBlockKind } from '../../../model/fraud.ts'
import type { AccountId } from '../../../model/ids.ts'
import type { ArrivingCall } from '../fraud-call.ts'

/** Blocks in force at a time; of more, the ones that end first are not made. */
export const MAX_FRAUD_BLOCKS = 10_000
const NONE: readonly never[] = []
/** What a block may be found by. */
export type Blockable = Pick<ArrivingCall, 'ani' | 'sellerId' | 'numberId' | 'trunkId' | 'atMs'>
/** Of `+12125550123`, what names its block of a thousand numbers: `+12125550`. */
export const BLOCK_LENGTH = 9

/** Who made a block, where no person did; then the rule's name. */
export const BY_RULE = 'rule '

export function isOfRule({ madeBy }: Pick<FraudBlock, 'madeBy'>): boolean {
  return madeBy.startsWith(BY_RULE)
}

/** The blocks that are in force, each found by what it is of. One that is over is nothing, wherever else it is still kept. */
export class TimedBlocks {
  /** Nearly always one of each thing. */
  readonly #byKind: Record<FraudBlockKind, Map<string, FraudBlock[]>> = {
    caller: new Map(),
    block: new Map(),
    number: new Map(),
    trunk: new Map(),
  }
  readonly #ids = new Map<string, FraudBlock>()

  get size(): number {
    return this.#ids.size
  }

  /** A block as it is kept, or null: it has been lifted. Of two of the same thing the later end counts. */
  apply(id: string, block: FraudBlock | null): void {
    const before = this.#ids.get(id)
    if (before) this.#remove(before)
    if (block === null) return
    this.#ids.set(id, block)
    const ofThing = this.#byKind[block.kind].get(block.value)
    if (ofThing === undefined) this.#byKind[block.kind].set(block.value, [block])
    else ofThing.push(block)
  }

  /** The first that refuses the call; null: none does. `ofPeople`: those that rules have made do not. */
  find({ ani, sellerId, numberId, trunkId, atMs }: Blockable, ofPeople = false): FraudBlock | null {
    if (this.#ids.size === 0) return null
    if (ani !== null) {
      const block = ani.slice(0, BLOCK_LENGTH)
      const byCaller =
        this.#of('caller', ani, sellerId, atMs, ofPeople) ?? this.#of('block', block, sellerId, atMs, ofPeople)
      if (byCaller !== null) return byCaller
    }
    return (
      this.#of('number', numberId, sellerId, atMs, ofPeople) ?? this.#of('trunk', trunkId, sellerId, atMs, ofPeople)
    )
  }

  /** Whether all of its calls are refused already: those through one seller, or (null) through every one. */
  has(kind: FraudBlockKind, value: string, sellerId: AccountId | null, atMs: number): boolean {
    return this.#of(kind, value, sellerId, atMs) !== null
  }

  /** Forgets those that are over. */
  sweep(atMs: number): void {
    for (const block of this.#ids.values()) if (block.until.getTime() <= atMs) this.#remove(block)
  }

  #of(
    kind: FraudBlockKind,
    value: string,
    sellerId: AccountId | null,
    atMs: number,
    ofPeople = false,
  ): FraudBlock | null {
    let last: FraudBlock | null = null
    for (const block of this.#byKind[kind].get(value) ?? NONE) {
      if (block.until.getTime() <= atMs || (ofPeople && isOfRule(block))) continue
      if (block.sellerId !== null && block.sellerId !== sellerId) continue
      if (last === null || block.until > last.until) last = block
    }
    return last
  }

  #remove(block: FraudBlock): void {
    this.#ids.delete(block.id)
    const { kind, value } = block
    const ofThing = this.#byKind[kind].get(value)!
    // Another of the same thing may still be in force.
    if (ofThing.length > 1) ofThing.splice(ofThing.indexOf(block), 1)
    else this.#byKind[kind].delete(value)
  }
}
