import assert from 'node:assert/strict'
import { Enforcement, LAWFUL, LEG_LAWS, type EnforcementOptions } from '../../compliance/enforcement.ts'
import { compliance, instant, numberIn } from './support.ts'

const LEGS = ['inbound', 'transfer', 'outbound'] as const
const NIGHT = instant('America/New_York', '2026-11-20T23:00:00')
const consumer = numberIn('NY')

function effects(enforcement: EnforcementOptions) {
  const law = compliance({ enforcement })
  law.apply({ kind: 'dnc', list: 'internal', add: [consumer], remove: [] })
  return LEGS.map((trafficType) => {
    const { checks } = law.screen({ ani: consumer, zip: null, trafficType, atMs: NIGHT })
    const of = (name: string) => checks.find(({ check }) => check === name)!.effect
    return [of('internal-do-not-call'), of('calling-hours')]
  })
}

describe('what is enforced', () => {
  it('is as the law has it unless somebody says otherwise: whoever calls the consumer is bound', () => {
    assert.deepEqual(effects(LAWFUL), [
      ['advisory', 'advisory'],
      ['block', 'block'],
      ['block', 'block'],
    ])
    const lawful = new Enforcement()
    for (const law of LEG_LAWS) {
      assert.deepEqual(
        LEGS.map((leg) => lawful.isEnforced(law, leg)),
        [false, true, true],
        law,
      )
    }
  })

  it('is everything on every leg when it is strict, whatever the legs say', () => {
    const strict: EnforcementOptions = { policy: 'strict', legs: { inbound: [], transfer: [], outbound: null } }
    for (const law of LEG_LAWS) for (const leg of LEGS) assert.ok(new Enforcement(strict).isEnforced(law, leg))
    assert.deepEqual(effects(strict), [
      ['block', 'block'],
      ['block', 'block'],
      ['block', 'block'],
    ])
  })

  it('is what a leg names, and the law’s on the legs that name nothing', () => {
    const legs = { inbound: ['calling_hours'], transfer: ['do_not_call'], outbound: null } as const
    assert.deepEqual(effects({ policy: 'law', legs }), [
      ['advisory', 'block'],
      ['block', 'advisory'],
      ['block', 'block'],
    ])
  })

  it('is told by the question of the hours as it is done by the screening', () => {
    const legs = { inbound: ['calling_hours'], transfer: [], outbound: null } as const
    const law = compliance({ enforcement: { policy: 'law', legs } })
    assert.deepEqual(
      LEGS.map((leg) => law.judgeHours({ phoneNumber: consumer, time: new Date(NIGHT), zip: null, leg }).effect),
      ['block', 'advisory', 'block'],
    )
  })

  it('counts also where nobody knows the place, and for how often a consumer is called', () => {
    const law = compliance({ enforcement: { ...LAWFUL, policy: 'strict' } })
    const noon = instant('America/New_York', '2026-11-20T12:00:00')
    const unknown = law.screen({ ani: null, zip: null, trafficType: 'inbound', atMs: noon })
    assert.deepEqual([unknown.allowed, unknown.rule], [false, 'calling-hours:unknown-location'])
    const offer = { sellerId: 's', numberId: 'n', vertical: 'v', tags: {} }
    const call = { ani: numberIn('FL'), zip: null, atMs: noon, offer }
    for (let made = 0; made < 3; made++) law.count({ ...call, trafficType: 'outbound' })
    const fourth = law.screen({ ...call, trafficType: 'inbound' })
    assert.deepEqual([fourth.allowed, fourth.rule], [false, 'call-frequency:FL'])
  })
})
