import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { fingerprintOf, seal, sealedText, sealFaults } from '../../../compliance/consent/seal.ts'
import type { Consent } from '../../../model/consent.ts'
import { aConsent } from '../../support/consents.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

function amended(first: Consent): Consent {
  const { hash, ...rest } = first
  return seal({ ...rest, version: 2, deed: 'amended', formSnapshot: 's3://forms/2', previousHash: hash })
}

describe('the seal of a consent', () => {
  it('is the hash of a text that anybody can hash again', () => {
    const consent = aConsent()
    const text = sealedText(consent)
    assert.equal(consent.hash, sha256(text))
    const [head, json] = text.split('\n') as [string, string]
    assert.equal(head, `dce consent ${consent.id} 1 captured ${consent.at.toISOString()} ${consent.by} -`)
    assert.deepEqual(Object.keys(JSON.parse(json) as object), Object.keys(JSON.parse(json) as object).toSorted())
    assert.ok(text.includes(consent.disclosureSha256))
  })

  it('is the same whatever order its fields were stored in', () => {
    const { hash, ...consent } = aConsent()
    const turned = Object.fromEntries(Object.entries(consent).toReversed()) as Omit<Consent, 'hash'>
    assert.equal(seal(turned).hash, hash)
  })

  it('finds nothing wrong with versions as they were made', () => {
    const first = aConsent()
    assert.deepEqual(sealFaults([first, amended(first)]), [])
  })

  it('finds whatever was changed, and a version that is missing or another’s', () => {
    const first = aConsent()
    const second = amended(first)
    const changes: Partial<Consent>[] = [
      { number: '+13055550123' as never },
      { name: 'Somebody else' },
      { sellers: [{ name: 'Bolt', accountId: null }] },
      { disclosure: 'yes' },
      { givenAt: new Date(0) },
      { ip: null },
      { channels: ['text'] },
      { certificates: [] },
      { expiresAt: new Date(1) },
      { at: new Date(2) },
      { by: 'nobody' },
      { deed: 'imported' },
      { shown: 'other' },
      { revocation: { at: new Date(3), means: 'x', honouredBy: 'y', honouredAt: new Date(4) } },
    ]
    for (const change of changes)
      assert.notDeepEqual(sealFaults([{ ...first, ...change }, second]), [], JSON.stringify(change))
    assert.match(sealFaults([second])[0]!, /those before it are missing/)
    assert.match(sealFaults([aConsent({ name: 'Another' }), second])[0]!, /does not follow/)
  })

  it('knows the same consent again, and tells two of one person apart', () => {
    const one = aConsent()
    assert.equal(fingerprintOf(one), fingerprintOf({ ...aConsent(), ip: '192.0.2.9' }))
    assert.notEqual(fingerprintOf(one), fingerprintOf(aConsent({ givenAt: new Date(one.givenAt.getTime() + 1000) })))
  })
})
