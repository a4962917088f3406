import assert from 'node:assert/strict'
import type { RuleTerms } from '../../../model/compliance-rule.ts'
import type { AccountId } from '../../../model/ids.ts'
import { Refusal } from '../../../model/refusal.ts'
import { aRule, ruleChange } from '../../support/compliance-rules.ts'
import { aBid, anAccount, change, dollars, marketOf } from '../../support/market.ts'
import { PingStage } from '../../support/ping-stage.ts'

const UNTAGGED: RuleTerms = { type: 'expression', expression: '!("source" in tags)' }

function market(): PingStage {
  const stage = new PingStage()
  for (const [id, amount] of [
    ['high', 5],
    ['low', 3],
  ] as const) {
    stage.apply(...marketOf(aBid(id, amount)))
    stage.apply(change.account(anAccount(`${id}-buyer`, { creditLimitMicros: dollars(100) })))
  }
  return stage
}

describe('a pinged call', () => {
  it('is screened as its ping was, with the tags and the vertical that the ping brought', () => {
    const stage = market()
    stage.apply(ruleChange(aRule('tagged', UNTAGGED)))
    assert.equal(stage.ask().kind, 'rejected')
    const { token } = stage.accepted({ tags: { source: 'tv' } })
    const { call } = stage.call({ token })
    assert.equal(call.checks.at(-1)!.effect, 'allow')
    assert.throws(() => stage.call(), Refusal)
  })

  it('is what a rule of attestation judges, not its ping, which can have none', () => {
    const stage = market()
    stage.apply(ruleChange(aRule('signed', { type: 'attestation', minimum: 'B', missing: true })))
    const { token } = stage.accepted()
    assert.throws(() => stage.call({ token }), Refusal)
  })

  it('does not go to a buyer whom a rule has excluded since, and keeps nothing for it', () => {
    const stage = market()
    const { token } = stage.accepted()
    stage.apply(
      ruleChange(
        aRule('none', { type: 'expression', expression: 'true' }, { scope: { buyers: ['high-buyer' as AccountId] } }),
      ),
    )
    const sold = stage.call({ token })
    assert.equal(sold.call.promised!.award.buyerId, 'high-buyer')
    assert.equal(sold.take(sold.awards[0]!), 'compliance_rule')
    assert.equal(typeof sold.take(sold.awards[1]!), 'object')
    sold.end()
    assert.deepEqual(stage.kept(), { holds: 0, reservations: 0 })
  })
})
