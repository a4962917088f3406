import assert from 'node:assert/strict'
import { applyRouteSet, Locator } from '../../../gateway/sip-server/locate.ts'
import { parseUri } from '../../../gateway/sip-server/uri.ts'

const locate = async (text: string, resolve?: (name: string) => Promise<string[]>): Promise<string> => {
  const uri = parseUri(text)
  assert.ok(uri !== null)
  const hop = await new Locator(resolve).locate(uri)
  return hop === null ? 'nowhere' : `${hop.transport} ${hop.host} ${hop.port}`
}

describe('locating the next hop', () => {
  const cases: [uri: string, hop: string][] = [
    ['sip:a@192.0.2.1', 'udp 192.0.2.1 5060'],
    ['sip:192.0.2.1:5070', 'udp 192.0.2.1 5070'],
    ['sip:a@[2001:db8::1]:5070', 'udp 2001:db8::1 5070'],
    ['sip:a@192.0.2.1;transport=TCP', 'tcp 192.0.2.1 5060'],
    ['sips:a@192.0.2.1', 'tls 192.0.2.1 5061'],
    ['sip:a@192.0.2.1;transport=tls', 'tls 192.0.2.1 5061'],
    ['sip:a@example.com;maddr=192.0.2.9', 'udp 192.0.2.9 5060'],
    ['sip:a@localhost', 'udp 127.0.0.1 5060'],
    ['tel:+15551234567', 'nowhere'],
  ]
  for (const [uri, hop] of cases) it(`goes to ${hop} for ${uri}`, async () => assert.equal(await locate(uri), hop))

  it('asks for a name once in a while, not for each request', async () => {
    let asked = 0
    const locator = new Locator((name) => {
      asked++
      return name === 'known.example' ? Promise.resolve(['192.0.2.7']) : Promise.reject(new Error('ENOTFOUND'))
    })
    const known = parseUri('sip:a@known.example')!
    assert.deepEqual(await locator.locate(known), { transport: 'udp', host: '192.0.2.7', port: 5060 })
    assert.deepEqual(locator.locate(known), { transport: 'udp', host: '192.0.2.7', port: 5060 })
    assert.equal(asked, 1)
    assert.equal(await locator.locate(parseUri('sip:a@unknown.example')!), null)
    assert.equal(await locate('sip:a@empty.example', () => Promise.resolve([])), 'nowhere')
  })
})

describe('a route set', () => {
  it('leaves the target alone for a loose router, and swaps it for a strict one (RFC 3261 §12.2.1.1)', () => {
    const target = 'sip:b@192.0.2.2'
    assert.deepEqual(applyRouteSet(target, []), { requestUri: target, routes: [], nextUri: target })
    assert.deepEqual(applyRouteSet(target, ['<sip:p1;lr>', '<sip:p2>']), {
      requestUri: target,
      routes: ['<sip:p1;lr>', '<sip:p2>'],
      nextUri: 'sip:p1;lr',
    })
    assert.deepEqual(applyRouteSet(target, ['<sip:p1>', '<sip:p2;lr>']), {
      requestUri: 'sip:p1',
      routes: ['<sip:p2;lr>', `<${target}>`],
      nextUri: 'sip:p1',
    })
  })
})
