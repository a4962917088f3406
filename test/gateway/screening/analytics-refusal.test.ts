import assert from 'node:assert/strict'
import { analyticsRefusal, type Redress } from '../../../gateway/screening/analytics-refusal.ts'
import type { CallId } from '../../../model/ids.ts'
import { loadSettings } from '../../../config/settings.ts'

const ID = '019a9f6e-0000-7000-8000-000000000001' as CallId
const NOBODY: Redress = { url: null, email: null, phone: null, location: 'RLN', jcardUrl: null }

describe('a refusal by analytics', () => {
  it('is 603 Network Blocked with whom to ask, as ATIS-1000099 has it', () => {
    const redress = {
      ...NOBODY,
      url: 'https://dce.example/blocked',
      phone: '+18005550100',
      email: 'redress@dce.example',
    }
    assert.deepEqual(analyticsRefusal('603+', 'fraud:score', ID, redress), {
      status: 603,
      phrase: 'Network Blocked',
      headers: {
        Reason: `SIP;cause=603;text="v=analytics1;url=https://dce.example/blocked;tel=+18005550100;email=redress@dce.example;id=${ID}";location=RLN`,
      },
    })
    const { headers } = analyticsRefusal('603+', 'fraud:score', ID, { ...NOBODY, email: 'a@b.example', location: 'TN' })
    assert.equal(headers['Reason'], `SIP;cause=603;text="v=analytics1;email=a@b.example;id=${ID}";location=TN`)
  })

  it('is a plain 603 where nobody may be asked, and where a trunk wants that', () => {
    const plain = { status: 603, phrase: null, headers: { Reason: 'SIP;cause=603;text="fraud:score"' } }
    assert.deepEqual(analyticsRefusal('603+', 'fraud:score', ID, NOBODY), plain)
    assert.deepEqual(analyticsRefusal('603', 'fraud:score', ID, { ...NOBODY, email: 'a@b.example' }), plain)
  })

  it('is 608 where a trunk wants that, with the operator’s signed card when there is one', () => {
    assert.deepEqual(analyticsRefusal('608', 'fraud:score', ID, NOBODY), {
      status: 608,
      phrase: 'Rejected',
      headers: { Reason: 'SIP;cause=608;text="fraud:score"' },
    })
    const jcardUrl = 'https://dce.example/card.jws'
    const { headers } = analyticsRefusal('608', 'fraud:score', ID, { ...NOBODY, jcardUrl })
    assert.equal(headers['Call-Info'], '<https://dce.example/card.jws>;purpose=jwscard')
  })

  for (const [key, bad] of [
    ['compliance.redress.url', 'http://dce.example/'],
    ['compliance.redress.url', 'https://dce.example/a;b'],
    ['compliance.redress.url', 'https://dce.example/"b'],
    ['compliance.redress.url', 'https://user:secret@dce.example/'],
    ['compliance.redress.url', `https://dce.example/${'a'.repeat(200)}`],
    ['compliance.redress.email', 'nobody'],
    ['compliance.redress.phone', '800-555-0100'],
    ['compliance.redress.jcard_url', 'https://dce.example/>;x'],
  ] as const)
    it(`takes no ${key} such as ${bad.slice(0, 40)}`, () => {
      assert.throws(() => loadSettings({ file: null, flags: { [key]: bad } }), { key })
    })
})
