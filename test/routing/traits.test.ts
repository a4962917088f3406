import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { TagRule } from '../../model/bid.ts'
import type { AccountId } from '../../model/ids.ts'
import { traitsOf } from '../../routing/traits.ts'

const SELLERS = ['s1', 's2', 's3'] as AccountId[]
const KEYS = ['language', 'device', 'constructor']
const VALUES = ['es', 'ES ', 'en', 'mobile', '']

const rule = fc.record({
  key: fc.constantFrom(...KEYS),
  values: fc.uniqueArray(fc.constantFrom(...VALUES), { maxLength: 3 }),
  isNot: fc.boolean(),
})
const some = fc.subarray(SELLERS)
const tags = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES))

/** The same said naively. */
function oracle(
  rules: readonly TagRule[],
  sellers: { allow: AccountId[]; deny: AccountId[] } | null,
  sellerId: AccountId,
  call: Record<string, string>,
): string | null {
  if (sellers !== null) {
    if (sellers.deny.some((id) => id === sellerId)) return 'seller_mismatch'
    if (sellers.allow.length > 0 && !sellers.allow.some((id) => id === sellerId)) return 'seller_mismatch'
  }
  for (const { key, values, isNot } of rules) {
    const has = Object.entries(call).find(([name]) => name === key)
    const same = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase()
    const fits = has !== undefined && (values.length === 0 || values.some((value) => same(value, has[1])))
    if (isNot ? fits : !fits) return 'tag_mismatch'
  }
  return null
}

describe('the traits of a call', () => {
  it('are judged as a naive reading of the rules does', () => {
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 4 }),
        fc.option(fc.record({ allow: some, deny: some })),
        fc.constantFrom(...SELLERS),
        tags,
        (rules, sellers, sellerId, call) => {
          const got = traitsOf({ tags: rules, sellers })?.judge(sellerId, call) ?? null
          assert.equal(got, oracle(rules, sellers, sellerId, call))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('are not asked for when nothing is asked of them', () => {
    assert.equal(traitsOf({}), null)
    assert.equal(traitsOf({ tags: [], sellers: { allow: [], deny: [] } }), null)
  })
})
