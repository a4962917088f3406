import assert from 'node:assert/strict'
import type { Call } from '../../gateway/live-call.ts'
import { needsOfCaller } from '../../gateway/media-needs.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'

const OFFER = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

/** Whether this caller's audio may go past us, all else allowing it. */
function mayBeDirect(privacy?: string): boolean {
  const caller = { offer: OFFER, header: (name: string) => (name === 'Privacy' ? privacy : undefined) }
  const call = { caller, facts: { trunk: { directMedia: true }, number: null } } as unknown as Call
  const parts = { policies: { recordsCalls: false, hasDirectMedia: true } } as unknown as ExchangeParts
  return needsOfCaller(call, parts).mayBeDirect
}

describe('what a caller needs of the media engine', () => {
  it('is one of its own that hides where it is, when it asks for that (RFC 3323 §4.2)', () => {
    for (const privacy of [undefined, 'none', 'id']) assert.equal(mayBeDirect(privacy), true, privacy)
    for (const privacy of ['session', 'id; Session', 'session;critical'])
      assert.equal(mayBeDirect(privacy), false, privacy)
  })
})
