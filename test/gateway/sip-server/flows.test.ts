import assert from 'node:assert/strict'
import { flowOfDialog } from '../../../gateway/sip-server/flows.ts'
import type { Peer } from '../../../gateway/sip-server/transport.ts'
import { parseUri } from '../../../gateway/sip-server/uri.ts'

function peerOf(transport: string, host: string, connection: { isOpen: boolean; isAccepted: boolean } | null): Peer {
  return { transport: { name: transport }, host, port: 5060, connection } as unknown as Peer
}

describe('the way back to the peer of a dialog', () => {
  const udp = (host: string): Peer => peerOf('udp', host, null)
  const tcp = (host: string, changes = {}): Peer => peerOf('tcp', host, { isOpen: true, isAccepted: true, ...changes })

  for (const [what, uri, via, isUsed] of [
    ['a private address behind a public one, over UDP', 'sip:a@192.168.1.5', udp('198.51.100.7'), true],
    ['the same within one private network', 'sip:a@192.168.1.5', udp('192.168.1.1'), false],
    ['a public address, over UDP', 'sip:a@198.51.100.8', udp('198.51.100.7'), false],
    ['the peer’s own address at another port, over UDP', 'sip:a@198.51.100.7:5070', udp('198.51.100.7'), false],
    ['a private address that asks for TCP', 'sip:a@192.168.1.5;transport=tcp', udp('198.51.100.7'), false],
    ['a private address that asks for TLS', 'sips:a@192.168.1.5', udp('198.51.100.7'), false],
    ['a GRUU, over UDP', 'sip:a@dce;gr=urn:uuid:1', udp('198.51.100.7'), true],
    ['a GRUU, over the client’s connection', 'sip:a@dce;gr=urn:uuid:1', tcp('198.51.100.7'), true],
    ['a GRUU, over a connection of ours', 'sip:a@dce;gr=1', tcp('198.51.100.7', { isAccepted: false }), false],
    ['a GRUU, over a connection that has closed', 'sip:a@dce;gr=1', tcp('198.51.100.7', { isOpen: false }), false],
    ['a made-up host', 'sip:a@x.invalid;transport=tcp', tcp('198.51.100.7'), true],
    ['a name in DNS', 'sip:a@phone.example;transport=tcp', tcp('198.51.100.7'), false],
  ] as const) {
    it(`is ${isUsed ? '' : 'not '}taken for ${what}`, () => {
      assert.equal(flowOfDialog(parseUri(uri)!, via) === via, isUsed)
    })
  }

  it('is none outside a dialog', () => {
    assert.equal(flowOfDialog(parseUri('sip:a@dce;gr=1')!, null), null)
  })
})
