import type { Criteria } from '../model/bid.ts'
import type { AccountId } from '../model/ids.ts'

/** What a call is known to be beyond its vertical and place: `language`, `device`, `line_type` or whatever a seller names. */
export type CallTags = Readonly<Record<string, string>>

/** One tag rule made ready: the values in lower case; null: any value will do. */
interface Rule {
  readonly key: string
  readonly values: ReadonlySet<string> | null
  readonly isNot: boolean
}

/** Whose calls, and with which tags: the part of criteria that no index knows. */
export class Traits {
  readonly #allow: ReadonlySet<AccountId> | null
  readonly #deny: ReadonlySet<AccountId>
  readonly #rules: readonly Rule[]

  constructor({ tags = [], sellers }: Pick<Criteria, 'tags' | 'sellers'>) {
    this.#allow = sellers?.allow.length ? new Set(sellers.allow) : null
    this.#deny = new Set(sellers?.deny ?? [])
    this.#rules = tags.map(({ key, values, isNot }) => ({
      key,
      values: values.length === 0 ? null : new Set(values.map(tagValue)),
      isNot,
    }))
  }

  /** Whether a call must have one of some values of this tag. */
  asksFor(tag: string): boolean {
    return this.#rules.some(({ key, values, isNot }) => key === tag && values !== null && !isNot)
  }

  /** Null when the call may come. A tag the call does not have matches no value, and none that is refused. */
  judge(sellerId: AccountId, tags: CallTags): 'seller_mismatch' | 'tag_mismatch' | null {
    if (this.#deny.has(sellerId) || this.#allow?.has(sellerId) === false) return 'seller_mismatch'
    for (const { key, values, isNot } of this.#rules) {
      const value = Object.hasOwn(tags, key) ? tags[key] : undefined
      const isMatch = value !== undefined && (values === null || values.has(tagValue(value)))
      if (isMatch === isNot) return 'tag_mismatch'
    }
    return null
  }
}

/** What criteria ask of seller and tags; null when they ask nothing. */
export function traitsOf(criteria: Pick<Criteria, 'tags' | 'sellers'>): Traits | null {
  const { tags, sellers } = criteria
  const asks = (tags?.length ?? 0) + (sellers?.allow.length ?? 0) + (sellers?.deny.length ?? 0)
  return asks === 0 ? null : new Traits(criteria)
}

function tagValue(value: string): string {
  return value.trim().toLowerCase()
}
