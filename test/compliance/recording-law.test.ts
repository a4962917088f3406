import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RECORDING_ACTIONS, RecordingLaw } from '../../compliance/recording-law.ts'

const POLICY = { oneParty: 'record', allParty: 'announce', unknown: 'beep' } as const
const ALL_PARTY = ['CA', 'CT', 'DE', 'FL', 'IL', 'MA', 'MD', 'MI', 'MT', 'NH', 'NV', 'PA', 'WA']
const STATES = (
  'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC ' +
  'SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP'
).split(' ')
const law = new RecordingLaw(POLICY)

describe('the law of recordings', () => {
  it('asks for all parties’ consent in these states and in no other, whichever end is there', () => {
    for (const state of STATES) {
      const expected = ALL_PARTY.includes(state)
        ? ['announce', `recording-law:${state}`]
        : ['record', 'recording-law:US']
      for (const [caller, buyer] of [
        [[state], ['NY']],
        [['NY'], [state]],
      ] as const) {
        const { action, rule, source, version } = law.judge(caller, buyer)
        assert.deepEqual([action, rule], expected)
        assert.ok(source.length > 10 && /^\d{4}-\d\d-\d\d$/.test(version))
      }
    }
  })

  it('is the strictest of all places a side may be', () => {
    assert.equal(law.judge(['NY', 'TX', 'CA'], ['NY']).rule, 'recording-law:CA')
    assert.equal(law.judge(['NY'], ['TX', 'PA']).rule, 'recording-law:PA')
    assert.equal(law.judge(['TX', 'NY'], ['NY']).action, 'record')
  })

  it('gives notice where nobody knows a place, unless the other end asks for more', () => {
    for (const [caller, buyer, who] of [
      [[], ['NY'], 'the caller'],
      [['NY'], [], 'the buyer'],
      [[], [], 'either side'],
    ] as const) {
      const { action, rule, detail } = law.judge(caller, buyer)
      assert.deepEqual([action, rule], ['beep', 'recording-law:unknown'])
      assert.ok(detail.includes(who), detail)
    }
    assert.equal(law.judge(['WA'], []).action, 'announce')
  })

  it('does as the operator has set it', () => {
    for (const action of RECORDING_ACTIONS) {
      const strict = new RecordingLaw({ oneParty: action, allParty: action, unknown: action })
      for (const [caller, buyer] of [
        [['NY'], ['NY']],
        [['CA'], ['NY']],
        [[], []],
      ] as const)
        assert.equal(strict.judge(caller, buyer).action, action)
    }
  })

  it('refuses a table that does not say who must consent, by what source', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dce-law-'))
    const path = join(folder, 'law.json')
    const row = { consent: 'one', source: 'x', verified_on: '2026-01-01' }
    try {
      for (const [states, message] of [
        [{ CA: { ...row, consent: 'two' } }, /recording law of CA: consent/],
        [{ CA: { ...row, source: '' } }, /recording law of CA: no source/],
        [{ CA: { ...row, verified_on: 'today' } }, /recording law of CA: no source, or no day/],
        [{ California: row }, /"California" is no state/],
      ] as const) {
        writeFileSync(path, JSON.stringify({ federal: row, states }))
        assert.throws(() => new RecordingLaw(POLICY, path), message)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
