import assert from 'node:assert/strict'
import { numberOfUri, type PhoneNumber } from '../../model/phone-number.ts'
import { pingUri, reasonsOf, tokenFrom, tokenIn, withoutToken } from '../../model/ping.ts'

const NUMBER = '+18005550100' as PhoneNumber
const TOKEN = tokenFrom(Uint8Array.from({ length: 16 }, (_, i) => 16 * i + i))

describe('the token of a ping', () => {
  it('is 128 bits in hex', () => {
    assert.equal(TOKEN, 'ping-00112233445566778899aabbccddeeff')
  })

  it('is read out of the user part, a parameter and a header, and the number beside it', () => {
    const uri = pingUri(NUMBER, TOKEN, 'dce.example:5070')
    assert.equal(uri, `sip:18005550100-${TOKEN}@dce.example:5070`)
    for (const text of [uri, uri.toUpperCase(), `sip:${NUMBER}@dce.example;dce-token=${TOKEN}`, TOKEN])
      assert.equal(tokenIn(text), TOKEN)
    for (const text of [uri, `<${uri}>`.slice(1, -1), `sips:${NUMBER}-${TOKEN}@dce.example`])
      assert.equal(numberOfUri(withoutToken(text)), NUMBER)
  })

  it('is not found where there is none', () => {
    for (const text of [undefined, '', 'sip:18005550100@dce.example', 'ping-0011', `${TOKEN}0`])
      assert.equal(tokenIn(text), null)
    for (const uri of ['sip:18005550100@a', 'sip:x-ping-1@a', `sip:${TOKEN}@a`]) assert.equal(withoutToken(uri), uri)
  })
})

describe('the reasons a ping is refused for', () => {
  it('are told once each, the most frequent first, and not how a buyer is doing', () => {
    const codes = ['insufficient_credit', 'location_mismatch', 'bid_paused', 'budget_exhausted', 'location_mismatch']
    assert.deepEqual(
      reasonsOf(codes as Parameters<typeof reasonsOf>[0]).map(({ code, number }) => [code, number]),
      [
        ['no_capacity', 731],
        ['location_mismatch', 301],
      ],
    )
    assert.deepEqual(reasonsOf(['seller_cap']), [
      { code: 'seller_cap', number: 413, reason: 'the seller has reached a cap on the number of calls it sells' },
    ])
    assert.deepEqual(
      reasonsOf([]).map(({ code }) => code),
      ['no_bid'],
    )
  })
})
