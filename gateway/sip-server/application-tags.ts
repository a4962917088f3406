/** What an application says of itself when it authenticates: `authenticate|secret|tag,tag,weight=N`. */
export interface ApplicationTags {
  readonly tags: readonly string[]
  /** Its share of the requests several applications want: 1 unless a tag `weight=N` says 1 to 100. */
  readonly weight: number
  /** The same for the same set of tags, whatever their order and weight. */
  readonly identity: string
}

/** drachtio-srf has these two bounds; here they keep a stranger from naming itself at length. */
const MAX_TAGS = 20
const MAX_TAG_LENGTH = 32

/** Reads the tags token; null when there are too many, or one is too long, or its weight is none. */
export function readTags(token: string): ApplicationTags | null {
  const tags = token.split(',').filter((tag) => tag !== '')
  if (tags.length > MAX_TAGS || tags.some((tag) => tag.length > MAX_TAG_LENGTH)) return null
  const said = tags.find((tag) => tag.startsWith('weight='))
  const weight = said === undefined ? 1 : Number(said.slice('weight='.length))
  if (!Number.isInteger(weight) || weight < 1 || weight > 100) return null
  const identity = tags
    .filter((tag) => tag !== said)
    .toSorted()
    .join(',')
  return { tags, weight, identity }
}
