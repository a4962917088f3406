import assert from 'node:assert/strict'
import type { Trunk } from '../../../model/trunk.ts'
import type { TrunkId } from '../../../model/ids.ts'
import { Trunks } from '../../../gateway/identity/trunks.ts'
import { aTrunk } from '../../support/market.ts'

const trunk = (id: string, addresses: string[], more: Partial<Trunk> = {}): Trunk =>
  aTrunk(id, `seller-${id}`, { addresses, ...more })

function bookOf(...trunks: Trunk[]): Trunks {
  const book = new Trunks()
  for (const value of trunks) book.apply({ kind: 'trunk', id: value.id, value })
  return book
}

const names = (trunks: readonly Trunk[]): string[] => trunks.map(({ name }) => name)

describe('trunks', () => {
  it('finds a trunk by its exact address and by its block', () => {
    const book = bookOf(trunk('a', ['192.0.2.7']), trunk('b', ['198.51.100.0/24']))
    assert.deepEqual(names(book.ofSource('192.0.2.7')), ['a'])
    assert.deepEqual(names(book.ofSource('198.51.100.99')), ['b'])
    assert.deepEqual(names(book.ofSource('203.0.113.1')), [])
  })

  it('prefers the most specific block and keeps equals together, oldest first', () => {
    const book = bookOf(trunk('c', ['192.0.2.7/32']), trunk('wide', ['192.0.0.0/16']), trunk('b', ['192.0.2.7']))
    assert.deepEqual(names(book.ofSource('192.0.2.7')), ['b', 'c'])
    assert.deepEqual(names(book.holding('192.0.2.7')), ['b', 'c', 'wide'])
    assert.deepEqual(names(book.holding('192.0.9.9')), ['wide'])
  })

  it('reads IPv4 inside IPv6, and IPv6 blocks', () => {
    const book = bookOf(trunk('four', ['192.0.2.7']), trunk('six', ['2001:db8::/32']))
    assert.deepEqual(names(book.ofSource('::ffff:192.0.2.7')), ['four'])
    assert.deepEqual(names(book.ofSource('2001:db8::5')), ['six'])
  })

  it('lists the blocks of inbound trunks', () => {
    const book = bookOf(trunk('a', ['192.0.2.7', '2001:db8::/32']), trunk('b', ['192.0.2.7/32']))
    book.apply({
      kind: 'trunk',
      id: 'o' as TrunkId,
      value: trunk('o', ['203.0.113.1'], { direction: 'outbound', username: 'x' }),
    })
    assert.deepEqual(book.sources, ['192.0.2.7/32', '2001:db8::/32'])
  })

  it('knows nobody from a text that is no address', () => {
    assert.deepEqual(bookOf(trunk('a', ['0.0.0.0/0'])).ofSource('not-an-address'), [])
  })

  it('sees a change at once, though the source was looked up before', () => {
    const book = bookOf(trunk('a', ['192.0.2.7']))
    assert.equal(book.ofSource('192.0.2.7').length, 1)
    book.apply({ kind: 'trunk', id: 'a' as TrunkId, value: null })
    assert.equal(book.ofSource('192.0.2.7').length, 0)
  })

  it('forgets the sources of a scan rather than grow', () => {
    const book = bookOf(trunk('a', ['10.0.0.0/8']))
    for (let i = 0; i < 20_001; i++) book.ofSource(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    assert.deepEqual(names(book.ofSource('10.0.0.1')), ['a'])
  })

  it('never takes an outbound trunk for a source, and sends numbers out by priority, then age, what works first', () => {
    const book = bookOf(
      trunk('in', ['192.0.2.1']),
      trunk('out-2', ['192.0.2.2'], { direction: 'outbound', host: 'b.example' }),
      trunk('out-1', [], { direction: 'outbound', host: 'a.example' }),
    )
    assert.deepEqual(book.ofSource('192.0.2.2'), [])
    const turns = (isWorking: (id: TrunkId) => boolean) => names(book.outboundInTurn(isWorking))
    assert.deepEqual(
      turns(() => true),
      ['out-1', 'out-2'],
    )
    assert.deepEqual(
      turns((id) => id !== 'out-1'),
      ['out-2', 'out-1'],
    )
    book.apply({
      kind: 'trunk',
      id: 'out-0' as TrunkId,
      value: trunk('out-0', [], { direction: 'outbound', host: 'c.example', priority: 5 }),
    })
    assert.deepEqual(
      turns(() => true),
      ['out-1', 'out-2', 'out-0'],
    )
  })

  it('knows its carriers by whatever URI leads to their front door', () => {
    assert.equal(bookOf(trunk('in', ['192.0.2.1'])).isCarrier('sip:a@192.0.2.1'), false)
    const book = bookOf(
      trunk('out-1', [], { direction: 'outbound', host: 'sip.carrier.example;transport=tls' }),
      trunk('out-2', [], { direction: 'outbound', host: '192.0.2.9:5080' }),
    )
    for (const uri of [
      'sip:+19005550100@sip.carrier.example',
      'sips:+19005550100@SIP.Carrier.Example.:5061',
      'sip:+19005550100@sip.carrier.example:5060;transport=udp',
      'sip:+19005550100@buyer.example;maddr=sip.carrier.example',
      'sip:a@192.0.2.9:5080',
    ])
      assert.equal(book.isCarrier(uri), true, uri)
    for (const uri of ['sip:a@carrier.example', 'sip:a@sip.carrier.example:5070', 'sip:a@192.0.2.9', 'tel:+1', '+1'])
      assert.equal(book.isCarrier(uri), false, uri)
    book.apply({ kind: 'trunk', id: 'out-1' as TrunkId, value: null })
    assert.equal(book.isCarrier('sip:+19005550100@sip.carrier.example'), false)
  })

  it('admits max_concurrent_calls and no more, and gives a place back once', () => {
    const limited = trunk('a', ['192.0.2.7'], { maxConcurrentCalls: 2 })
    const book = bookOf(limited)
    const first = book.admit(limited, 0)
    assert(typeof first === 'object')
    assert(typeof book.admit(limited, 0) === 'object')
    assert.equal(book.admit(limited, 0), 'max_concurrent_calls')
    first.release()
    first.release()
    assert(typeof book.admit(limited, 0) === 'object')
    assert.equal(book.admit(limited, 0), 'max_concurrent_calls')
  })

  it('lets max_cps calls through at once and refills at that rate', () => {
    const limited = trunk('a', ['192.0.2.7'], { maxCps: 3 })
    const book = bookOf(limited)
    const admitted = (atMs: number): boolean => typeof book.admit(limited, atMs) === 'object'
    assert.deepEqual([0, 0, 0, 0].map(admitted), [true, true, true, false])
    assert.deepEqual([300, 334].map(admitted), [false, true])
    assert.deepEqual([60_000, 60_000, 60_000, 60_000].map(admitted), [true, true, true, false])
  })

  it('takes a changed limit at once', () => {
    const book = bookOf(trunk('a', ['192.0.2.7'], { maxCps: 1 }))
    const wider = trunk('a', ['192.0.2.7'], { maxCps: 2 })
    assert.equal(typeof book.admit(trunk('a', [], { maxCps: 1 }), 0), 'object')
    book.apply({ kind: 'trunk', id: wider.id, value: wider })
    assert.equal(typeof book.admit(wider, 0), 'object')
    assert.equal(typeof book.admit(wider, 0), 'object')
    assert.equal(book.admit(wider, 0), 'max_cps')
  })
})
