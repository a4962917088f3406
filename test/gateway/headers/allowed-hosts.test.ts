import assert from 'node:assert/strict'
import { isAmong, leadsToOneOf } from '../../../gateway/headers/allowed-hosts.ts'

describe('hosts that are allowed', () => {
  it('are themselves, and what lies within their domain', () => {
    for (const host of ['buyer.example', 'SIP.Buyer.Example'])
      assert.equal(isAmong(host, ['buyer.example']), true, host)
    for (const host of ['otherbuyer.example', 'buyer.example.evil', 'example'])
      assert.equal(isAmong(host, ['buyer.example']), false, host)
    assert.equal(isAmong('9.192.0.2.1', ['192.0.2.1']), false, 'an address has no subdomains')
  })

  it('are where a request goes, and not what its URI says: nobody has withheld numbers told elsewhere', () => {
    const hosts = ['trusted.example']
    for (const uri of ['sip:a@trusted.example', 'sips:a@sbc.trusted.example:5061;transport=tcp'])
      assert.equal(leadsToOneOf(uri, hosts), true, uri)
    for (const uri of [
      'sip:a@trusted.example;maddr=192.0.2.66',
      'sip:a@192.0.2.66',
      'tel:+12125550100',
      'trusted.example',
    ])
      assert.equal(leadsToOneOf(uri, hosts), false, uri)
    assert.equal(leadsToOneOf('sip:a@trusted.example', []), false)
  })
})
