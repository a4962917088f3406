import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import type { TrafficType } from '../../../model/trunk.ts'
import { givenConsent } from '../../support/consents.ts'
import { compliance } from '../support.ts'

const HOUR_MS = 3_600_000

/** The published cases: what an oracle that shares nothing with us (build/vectors.py) says of each. */
const [header, ...lines] = readFileSync(join(import.meta.dirname, 'calling-hours.csv'), 'utf8')
  .trimEnd()
  .split('\n')
const names = header!.split(',')
const vectors = lines.map((line) => {
  const values = line.split(',')
  assert.equal(values.length, names.length, line)
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]))
})

/** A value, or null where the cell is empty. */
const cell = (vector: Record<string, string>, name: string): string | null => vector[name] || null

function screen(vector: Record<string, string>) {
  const law = compliance()
  const atMs = Date.parse(vector['at']!)
  const originated = cell(vector, 'originated_at')
  const consentZip = cell(vector, 'consent_zip')
  const accountZip = cell(vector, 'account_zip')
  const request = {
    ani: cell(vector, 'number') as PhoneNumber | null,
    zip: cell(vector, 'zip'),
    ivrZip: cell(vector, 'ivr_zip'),
    consent: consentZip === null ? null : givenConsent({ zip: consentZip }),
    trafficType: vector['leg'] as TrafficType,
    atMs,
    originatedAtMs: originated === null ? null : Date.parse(originated),
    offer: {
      sellerId: 's',
      numberId: 'n',
      vertical: 'insurance',
      tags: accountZip === null ? {} : ({ account_zip: accountZip } as Record<string, string>),
    },
  }
  for (const hours of cell(vector, 'earlier_calls_hours_ago')?.split(' ') ?? [])
    law.count({ ...request, trafficType: 'outbound', atMs: atMs - Number(hours) * HOUR_MS })
  return law.screen(request)
}

describe('the published cases of calling hours', () => {
  it('are over five hundred, of every state, the District and the territories', () => {
    assert.ok(vectors.length >= 500)
    const states = new Set(vectors.flatMap(({ group, about }) => (group === 'state' ? about!.slice(0, 2) : [])))
    assert.equal(states.size, 56)
    for (const kind of ['zip', 'split', 'exchange', 'clocks', 'holiday', 'dated', 'evidence', 'transfer', 'limit'])
      assert.ok(vectors.filter(({ group }) => group === kind).length >= 4, kind)
    for (let error = 1; error <= 12; error++) assert.ok(vectors.some(({ group }) => group === `go-${error}`))
    for (const verdict of ['allow', 'block', 'advisory'])
      assert.ok(vectors.filter((each) => each['verdict'] === verdict).length >= 50, verdict)
  })

  for (const group of new Set(vectors.map((each) => each['group']!))) {
    const ofGroup = vectors.filter((each) => each['group'] === group)
    it(`have the verdict, the rule and the evidence the oracle has (${group}: ${ofGroup.length})`, () => {
      const differing = ofGroup.flatMap((vector) => {
        const { effect, rule, checks } = screen(vector)
        const hours = checks.find(({ check }) => check === 'calling-hours')!
        const ours = [effect, rule ?? hours.rule, hours.evidence].join(' ')
        const theirs = [vector['verdict'], vector['rule'], vector['evidence']].join(' ')
        const { id, about } = vector
        return ours === theirs ? [] : [`${id} ${about}: ${ours}; the oracle: ${theirs}`]
      })
      assert.deepEqual(differing, [])
    })
  }
})
