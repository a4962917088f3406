import assert from 'node:assert/strict'
import { longerInterval, sessionAnswer, sessionOffer, tooBrief } from '../../../gateway/in-dialog/session-timer.ts'
import type { SipRequest } from '../../../gateway/srf/srf-types.ts'

const answer = (headers: Record<string, string>, expiresS = 1800) =>
  sessionAnswer({ get: (name: string) => headers[name] } as unknown as SipRequest, expiresS)

describe('session timers', () => {
  it('ask the other side to refresh, or say nothing when they are off', () => {
    assert.deepEqual(sessionOffer(1800), { 'Session-Expires': '1800;refresher=uas', 'Min-SE': '90' })
    assert.deepEqual([sessionOffer(0), answer({ Supported: 'timer' }, 0)], [{}, {}])
  })

  for (const [what, headers, expires, requires] of [
    ['the shorter of both intervals', { Supported: 'timer', 'Session-Expires': '600' }, '600;refresher=uac', true],
    ['ours where it is shorter', { Supported: '100rel, timer', 'Session-Expires': '7200' }, '1800;refresher=uac', true],
    [
      'no less than Min-SE',
      { Supported: 'timer', 'Session-Expires': '4000', 'Min-SE': '3600' },
      '3600;refresher=uac',
      true,
    ],
    [
      'the refresher it names',
      { Supported: 'timer', 'Session-Expires': '600;refresher=uas' },
      '600;refresher=uas',
      false,
    ],
    ['that we refresh who cannot', { 'Session-Expires': '600;refresher=uac' }, '600;refresher=uas', false],
    ['our interval where it names none', {}, '1800;refresher=uas', false],
  ] as const) {
    it(`agree on ${what}`, () => {
      const agreed: Record<string, string> = answer(headers)
      assert.equal(agreed['Session-Expires'], expires)
      assert.equal(agreed['Require'], requires ? 'timer' : undefined)
    })
  }

  it('are not agreed below 90 seconds', () => {
    assert.deepEqual(tooBrief('89;refresher=uac'), { 'Min-SE': '90' })
    assert.deepEqual([tooBrief('90'), tooBrief(undefined), tooBrief('soon')], [null, null, null])
  })

  it('are asked for again after a 422 only when it wants longer ones, within a day', () => {
    assert.equal(longerInterval('3600', '1800;refresher=uas')?.['Session-Expires'], '3600;refresher=uas')
    for (const minSe of ['1800', '90', '86401', 'x', undefined])
      assert.equal(longerInterval(minSe, '1800;refresher=uas'), null)
    assert.equal(longerInterval('3600', undefined), null)
  })
})
