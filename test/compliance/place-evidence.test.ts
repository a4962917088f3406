import assert from 'node:assert/strict'
import type { Offer, ScreeningRequest } from '../../compliance/screening-request.ts'
import { givenConsent } from '../support/consents.ts'
import { compliance, instant, number, numberIn } from './support.ts'

const NOON = instant('America/New_York', '2026-11-20T12:00:00')
const law = compliance()

// A place each, so that it is seen which was taken.
const NEW_YORK = '10001'
const CHICAGO = '60601'
const DENVER = '80202'
const HONOLULU = '96813'

function anOffer(tags: Record<string, string> = {}): Offer {
  return { sellerId: 's', numberId: 'n', vertical: 'insurance', tags }
}

function located(over: Partial<ScreeningRequest>): [string | undefined, string] {
  const request = { ani: numberIn('CA'), zip: null, trafficType: 'outbound', atMs: NOON, ...over } as const
  const { evidence, detail } = law.screen(request).checks.find(({ check }) => check === 'calling-hours')!
  return [evidence, detail.slice(0, 2)]
}

describe('evidence of where a consumer is', () => {
  it('is taken in order: ZIP of the call, of the consent, of the menu, of the seller’s account, exchange, area code', () => {
    const all = {
      zip: NEW_YORK,
      consent: null,
      ivrZip: DENVER,
      offer: anOffer({ account_zip: HONOLULU }),
    }
    assert.deepEqual(located(all), ['zip', 'NY'])
    assert.deepEqual(located({ ...all, zip: null, consent: givenConsent({ zip: CHICAGO }) }), ['consent-zip', 'IL'])
    assert.deepEqual(located({ ...all, zip: null }), ['ivr-zip', 'CO'])
    assert.deepEqual(located({ ...all, zip: null, ivrZip: null }), ['account-zip', 'HI'])
    assert.deepEqual(located({ ani: number('+18504320123'), offer: anOffer() }), ['npa-nxx', 'FL'])
    assert.deepEqual(located({ ani: number('+18505550123'), offer: anOffer() }), ['npa', 'FL'])
    assert.deepEqual(located({ ani: null })[0], 'none')
    assert.deepEqual(located({ ani: number('+18005550123') })[0], 'none')
  })

  it('is a tag as good as a header, which goes first', () => {
    assert.deepEqual(located({ offer: anOffer({ zip: CHICAGO }) }), ['zip', 'IL'])
    assert.deepEqual(located({ zip: NEW_YORK, offer: anOffer({ zip: CHICAGO }) }), ['zip', 'NY'])
  })

  it('passes by a ZIP code that there is not', () => {
    assert.deepEqual(located({ zip: '00000', ivrZip: DENVER }), ['ivr-zip', 'CO'])
    assert.deepEqual(located({ ivrZip: '1', offer: anOffer({ account_zip: 'soon' }) }), ['npa', 'CA'])
  })

  it('counts both where call and consent name two places: each must allow the call', () => {
    const at = instant('America/New_York', '2026-11-20T08:30:00') // 07:30 in Chicago.
    const screen = (zip: string, consent: string) =>
      law.screen({ ani: null, zip, consent: givenConsent({ zip: consent }), trafficType: 'outbound', atMs: at })
    const verdict = screen(NEW_YORK, CHICAGO)
    assert.equal(verdict.allowed, false)
    assert.equal(verdict.checks.find(({ check }) => check === 'calling-hours')!.evidence, 'zip+consent-zip')
    assert.equal(
      screen(NEW_YORK, '10002').checks.find(({ check }) => check === 'calling-hours')!.evidence,
      'zip',
      'the same place, by the same clock and law',
    )
    assert.equal(screen(NEW_YORK, '10002').allowed, true)
  })

  it('keeps the area code beside any ZIP where its state presumes residence from it', () => {
    assert.equal(located({ ani: numberIn('FL'), ivrZip: NEW_YORK })[0], 'ivr-zip+npa')
    assert.equal(located({ ani: numberIn('OK'), zip: NEW_YORK })[0], 'zip+npa')
    assert.equal(located({ ani: numberIn('CT'), zip: NEW_YORK })[0], 'zip+npa')
    assert.equal(located({ ani: number('+18504320123'), zip: NEW_YORK })[0], 'zip+npa-nxx')
    assert.equal(located({ ani: numberIn('FL'), zip: '33101' })[0], 'zip', 'it is in Florida')
    assert.equal(located({ ani: numberIn('TX'), zip: NEW_YORK })[0], 'zip', 'Texas presumes nothing')
    const before = { ani: numberIn('FL'), zip: NEW_YORK, atMs: instant('America/New_York', '2021-06-30T12:00:00') }
    assert.equal(located(before)[0], 'zip', 'nor did Florida before its law')
  })

  it('needs every place of an area code to be inside its hours', () => {
    for (const [phone, zones] of [
      ['+18505550123', ['America/New_York', 'America/Chicago']],
      ['+12085550123', ['America/Denver', 'America/Los_Angeles']],
      ['+12195550123', ['America/New_York', 'America/Chicago']],
      ['+19155550123', ['America/Chicago', 'America/Denver']],
    ] as const) {
      const [east, west] = zones.map((zone) => instant(zone, '2026-11-20T09:00:00')) as [number, number]
      assert.equal(
        law.screen({ ani: number(phone), zip: null, trafficType: 'outbound', atMs: east - 1 }).allowed,
        false,
      )
      const state = law.judgeHours({ phoneNumber: number(phone), time: new Date(east), zip: null, leg: 'outbound' })
      assert.equal(state.places.length, 2)
      assert.equal(law.screen({ ani: number(phone), zip: null, trafficType: 'outbound', atMs: west }).allowed, true)
    }
  })

  it('stands in the record of every check that turned on it, with the edition of the rule', () => {
    const checks = law.screen({ ani: numberIn('FL'), zip: null, trafficType: 'outbound', atMs: NOON }).checks
    const said = checks.map(({ check, version, evidence }) => [check, version, evidence])
    assert.deepEqual(said, [
      ['blocked-caller', undefined, undefined],
      ['internal-do-not-call', undefined, undefined],
      ['calling-hours', '2026-11-22', 'npa'],
      ['call-frequency', '2026-11-22', 'npa'],
    ])
  })
})
