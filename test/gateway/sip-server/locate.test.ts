import assert from 'node:assert/strict'
import { openDns } from '../../../gateway/sip-server/dns.ts'
import { DEFAULT_LIMITS } from '../../../gateway/sip-server/limits.ts'
import type { SipServerLimits } from '../../../gateway/sip-server/limits.ts'
import { applyRouteSet, Locator } from '../../../gateway/sip-server/locate.ts'
import type { CanSend } from '../../../gateway/sip-server/services.ts'
import { parseUri } from '../../../gateway/sip-server/uri.ts'
import { DnsServer } from '../../support/dns-server.ts'

/** Every transport over both families, unless a test has fewer. */
const EVERYTHING: CanSend = () => true
const IPV4_ONLY: CanSend = (_transport, family) => family === 4

describe('locating the next hop (RFC 3263)', () => {
  let dns: DnsServer
  let nowMs: number

  beforeEach(async () => {
    dns = await DnsServer.open()
    nowMs = 1_000
  })
  afterEach(() => dns.close())

  function locatorOf(canSend: CanSend = EVERYTHING, limits: Partial<SipServerLimits> = {}): Locator {
    const all = { ...DEFAULT_LIMITS, dnsTimeoutMs: 100, ...limits }
    return new Locator({
      dns: openDns({ servers: [dns.address], timeoutMs: all.dnsTimeoutMs }),
      limits: all,
      canSend,
      nowMs: () => nowMs,
      below: () => 0,
    })
  }

  async function hopsOf(text: string, locator = locatorOf(), instead: string | null = null): Promise<string[]> {
    const uri = parseUri(text)
    assert.ok(uri !== null)
    const hops = await locator.locate(uri, instead)
    return (hops ?? []).map(({ transport, host, port }) => `${transport} ${host} ${port}`)
  }

  const literals: [uri: string, hop: string][] = [
    ['sip:a@192.0.2.1', 'udp 192.0.2.1 5060'],
    ['sip:192.0.2.1:5070', 'udp 192.0.2.1 5070'],
    ['sip:a@[2001:db8::1]:5070', 'udp 2001:db8::1 5070'],
    ['sip:a@192.0.2.1;transport=TCP', 'tcp 192.0.2.1 5060'],
    ['sips:a@192.0.2.1', 'tls 192.0.2.1 5061'],
    ['sip:a@192.0.2.1;transport=tls', 'tls 192.0.2.1 5061'],
    ['sips:a@192.0.2.1;transport=tcp', 'tls 192.0.2.1 5061'],
    ['sip:a@192.0.2.1;transport=ws', 'ws 192.0.2.1 80'],
    ['sip:a@example.com;maddr=192.0.2.9', 'udp 192.0.2.9 5060'],
  ]
  for (const [uri, hop] of literals)
    it(`goes to ${hop} for ${uri}, and asks nobody`, () => {
      const hops = locatorOf().locate(parseUri(uri)!)
      assert.ok(Array.isArray(hops), 'the answer is there at once')
      assert.deepEqual(
        hops.map(({ transport, host, port }) => `${transport} ${host} ${port}`),
        [hop],
      )
      assert.deepEqual(dns.asked, [])
    })

  it('knows localhost, has no transport for a tel URI, and takes the transport of a dialog where the URI names none', async () => {
    assert.deepEqual(await hopsOf('sip:a@localhost:5070', locatorOf(IPV4_ONLY)), ['udp 127.0.0.1 5070'])
    assert.equal(locatorOf().locate(parseUri('tel:+15551234567')!), null)
    assert.deepEqual(await hopsOf('sip:a@192.0.2.1', locatorOf(), 'tcp'), ['tcp 192.0.2.1 5060'])
    assert.deepEqual(await hopsOf('sip:a@192.0.2.1;transport=udp', locatorOf(), 'tcp'), ['udp 192.0.2.1 5060'])
  })

  it('follows NAPTR to SRV to addresses, in the order the domain wants (§4.1)', async () => {
    dns.pointers('example.com', [
      { order: 50, services: 'SIPS+D2T', replacement: '_sips._tcp.example.com' },
      { order: 90, services: 'SIP+D2T', replacement: '_sip._tcp.example.com' },
      { order: 100, services: 'SIP+D2U', replacement: '_sip._udp.elsewhere.example' },
      { order: 10, services: 'E2U+sip', replacement: 'enum.example.com' },
    ])
    dns.services('_sips._tcp.example.com', [{ target: 's1.example.com', port: 5061 }])
    dns.services('_sip._tcp.example.com', [
      { target: 's2.example.com', port: 5070, priority: 20 },
      { target: 's1.example.com', port: 5060, priority: 10 },
    ])
    dns.services('_sip._udp.elsewhere.example', [{ target: 's2.example.com', port: 5080 }])
    dns.hosts('s1.example.com', ['192.0.2.11'])
    dns.hosts('s2.example.com', ['192.0.2.12'])
    assert.deepEqual(await hopsOf('sip:a@example.com'), [
      'tls 192.0.2.11 5061',
      'tcp 192.0.2.11 5060',
      'tcp 192.0.2.12 5070',
      'udp 192.0.2.12 5080',
    ])
    assert.deepEqual(await hopsOf('sips:a@example.com'), ['tls 192.0.2.11 5061'])
    const withoutTls = locatorOf((transport) => transport !== 'tls')
    assert.deepEqual((await hopsOf('sip:a@example.com', withoutTls))[0], 'tcp 192.0.2.11 5060')
  })

  it('asks for the SRV records of what it speaks when there is no NAPTR record', async () => {
    dns.services('_sip._udp.example.com', [{ target: 'udp.example.com', port: 5066 }])
    dns.services('_sip._tcp.example.com', [{ target: 'tcp.example.com', port: 5067 }])
    dns.hosts('udp.example.com', ['192.0.2.21'])
    dns.hosts('tcp.example.com', ['192.0.2.22'])
    assert.deepEqual(await hopsOf('sip:a@example.com'), ['udp 192.0.2.21 5066', 'tcp 192.0.2.22 5067'])
    dns.asked.length = 0
    assert.deepEqual(await hopsOf('sip:a@example.com;transport=tcp'), ['tcp 192.0.2.22 5067'])
    assert.ok(!dns.asked.some((each) => /NAPTR|_udp/.test(each)), 'the transport was named: nothing else is asked for')
    assert.deepEqual(
      await hopsOf(
        'sip:a@example.com',
        locatorOf((transport) => transport === 'tcp'),
      ),
      ['tcp 192.0.2.22 5067'],
    )
  })

  it('goes to the address itself when the URI names a port, or there is no SRV record (§4.2)', async () => {
    dns.services('_sip._udp.example.com', [{ target: 'udp.example.com', port: 5066 }])
    dns.hosts('udp.example.com', ['192.0.2.21'])
    dns.hosts('example.com', ['192.0.2.30'])
    assert.deepEqual(await hopsOf('sip:a@EXAMPLE.com.:5090'), ['udp 192.0.2.30 5090'])
    assert.ok(!dns.asked.some((each) => /NAPTR|SRV/.test(each)))
    dns.hosts('plain.example', ['192.0.2.31'])
    assert.deepEqual(await hopsOf('sip:a@plain.example'), ['udp 192.0.2.31 5060'])
    assert.deepEqual(await hopsOf('sips:a@plain.example'), ['tls 192.0.2.31 5061'])
    assert.deepEqual(await hopsOf('sip:a@plain.example;transport=tcp'), ['tcp 192.0.2.31 5060'])
  })

  it('believes an SRV record that says the service is not there (RFC 2782: a target of ".")', async () => {
    dns.services('_sip._udp.example.com', [{ target: '.', port: 0 }])
    dns.hosts('example.com', ['192.0.2.30'])
    assert.deepEqual(await hopsOf('sip:a@example.com;transport=udp'), [])
  })

  it('goes on with the servers that have an address when one has none', async () => {
    dns.services('_sip._udp.example.com', [
      { target: 'gone.example.com', port: 5060, priority: 1 },
      { target: 'here.example.com', port: 5060, priority: 2 },
    ])
    dns.hosts('here.example.com', ['192.0.2.41'])
    assert.deepEqual(await hopsOf('sip:a@example.com;transport=udp'), ['udp 192.0.2.41 5060'])
  })

  it('uses the families it can send to: both, or the one it listens on', async () => {
    dns.hosts('example.com', ['192.0.2.1', '2001:db8::1'])
    assert.deepEqual(await hopsOf('sip:example.com:5060'), ['udp 192.0.2.1 5060', 'udp 2001:db8::1 5060'])
    assert.deepEqual(await hopsOf('sip:example.com:5060', locatorOf(IPV4_ONLY)), ['udp 192.0.2.1 5060'])
    assert.deepEqual(
      await hopsOf(
        'sip:example.com:5060',
        locatorOf((_, family) => family === 6),
      ),
      ['udp 2001:db8::1 5060'],
    )
  })

  it('asks once for requests that come together, and again when the time to live is over', async () => {
    dns.hosts('example.com', ['192.0.2.1'], 20)
    const locator = locatorOf(IPV4_ONLY)
    const together = await Promise.all([1, 2, 3].map((i) => hopsOf(`sip:u${i}@example.com:5060`, locator)))
    assert.deepEqual(together, [['udp 192.0.2.1 5060'], ['udp 192.0.2.1 5060'], ['udp 192.0.2.1 5060']])
    nowMs += 19_000
    assert.ok(Array.isArray(locator.locate(parseUri('sip:example.com:5060')!)), 'known: no promise')
    assert.deepEqual(dns.asked, ['A example.com'])
    nowMs += 2_000
    dns.hosts('example.com', ['192.0.2.2'], 20)
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), ['udp 192.0.2.2 5060'])
    assert.equal(dns.asked.length, 2)
  })

  it('keeps an address between floor and ceiling, whatever its time to live', async () => {
    dns.hosts('brief.example', ['192.0.2.1'], 0)
    dns.hosts('long.example', ['192.0.2.2'], 86_400)
    const locator = locatorOf(IPV4_ONLY, { nameTtlFloorMs: 5_000, nameTtlCeilingMs: 60_000 })
    await hopsOf('sip:brief.example:5060', locator)
    await hopsOf('sip:long.example:5060', locator)
    nowMs += 4_999
    await hopsOf('sip:brief.example:5060', locator)
    assert.equal(dns.asked.length, 2)
    nowMs += 2
    await hopsOf('sip:brief.example:5060', locator)
    assert.equal(dns.asked.length, 3)
    nowMs += 55_000
    await hopsOf('sip:long.example:5060', locator)
    assert.deepEqual(dns.asked.at(-1), 'A long.example')
    assert.equal(dns.asked.length, 4)
  })

  it('believes SRV records for a time of its own, since Node does not tell theirs', async () => {
    dns.services('_sip._udp.example.com', [{ target: 's.example.com', port: 5066 }])
    dns.hosts('s.example.com', ['192.0.2.1'], 3600)
    const locator = locatorOf(IPV4_ONLY, { serviceTtlMs: 7_000 })
    await hopsOf('sip:example.com;transport=udp', locator)
    const asked = dns.asked.length
    nowMs += 6_999
    await hopsOf('sip:example.com;transport=udp', locator)
    assert.equal(dns.asked.length, asked)
    nowMs += 2
    await hopsOf('sip:example.com;transport=udp', locator)
    assert.ok(dns.asked.length > asked)
  })

  it('remembers for a while that a name has no address', async () => {
    const locator = locatorOf(IPV4_ONLY)
    assert.deepEqual(await hopsOf('sip:nowhere.example:5060', locator), [])
    assert.deepEqual(locator.locate(parseUri('sip:nowhere.example:5060')!), [])
    assert.deepEqual(dns.asked, ['A nowhere.example'])
    nowMs += DEFAULT_LIMITS.nameNegativeTtlMs + 1
    dns.hosts('nowhere.example', ['192.0.2.3'])
    assert.deepEqual(await hopsOf('sip:nowhere.example:5060', locator), ['udp 192.0.2.3 5060'])
  })

  it('goes on with what it knew while the DNS fails or is silent, and not for ever', async () => {
    dns.hosts('example.com', ['192.0.2.1'], 10)
    const locator = locatorOf(IPV4_ONLY, { nameStaleMs: 60_000 })
    await hopsOf('sip:example.com:5060', locator)
    dns.mood = 'fails'
    nowMs += 11_000
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), ['udp 192.0.2.1 5060'])
    const asked = dns.asked.length
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), ['udp 192.0.2.1 5060'])
    assert.equal(dns.asked.length, asked, 'a server that fails is not asked for each request')
    dns.mood = 'silent'
    nowMs += 10_000
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), ['udp 192.0.2.1 5060'])
    nowMs += 60_000
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), [])
  })

  it('asks again a while after nobody could say', async () => {
    dns.mood = 'fails'
    const locator = locatorOf(IPV4_ONLY)
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), [])
    dns.mood = 'answers'
    dns.hosts('example.com', ['192.0.2.1'])
    nowMs += DEFAULT_LIMITS.nameFailureTtlMs - 1
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), [])
    nowMs += 1
    assert.deepEqual(await hopsOf('sip:example.com:5060', locator), ['udp 192.0.2.1 5060'])
  })

  it('gives up on a silent DNS in time', async () => {
    dns.mood = 'silent'
    const locator = locatorOf(EVERYTHING, { dnsTimeoutMs: 5_000, nameLookupMs: 50 })
    const startedMs = performance.now()
    assert.deepEqual(await hopsOf('sip:example.com', locator), [])
    assert.ok(performance.now() - startedMs < 4_500)
  })

  it('remembers so many names, and asks for so many at a time', async () => {
    for (let i = 0; i < 4; i++) dns.hosts(`n${i}.example`, [`192.0.2.${i}`])
    const few = locatorOf(IPV4_ONLY, { maxNames: 3 })
    for (let i = 0; i < 4; i++) await hopsOf(`sip:n${i}.example:5060`, few)
    assert.equal(few.size.known, 3)
    await hopsOf('sip:n0.example:5060', few)
    assert.equal(dns.asked.filter((each) => each === 'A n0.example').length, 2, 'the oldest was forgotten')

    const narrow = locatorOf(IPV4_ONLY, { maxNameLookups: 1 })
    const first = hopsOf('sip:n1.example:5060', narrow)
    assert.deepEqual(narrow.locate(parseUri('sip:n2.example:5060')!), [])
    assert.deepEqual(await first, ['udp 192.0.2.1 5060'])
    assert.equal(narrow.size.asking, 0)
  })

  it('takes so many records of a name, and tries so many hops', async () => {
    const addresses = Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 1}`)
    dns.hosts('many.example', addresses)
    assert.equal((await hopsOf('sip:many.example:5060', locatorOf(IPV4_ONLY, { maxHops: 3 }))).length, 3)
    addresses.forEach((address, i) => dns.hosts(`t${i}.example`, [address]))
    const targets = addresses.map((_, i) => ({ target: `t${i}.example`, port: 5060, priority: i }))
    dns.services('_sip._udp.many.example', targets)
    const locator = locatorOf(IPV4_ONLY, { maxServersOfName: 4 })
    assert.deepEqual(await hopsOf('sip:many.example;transport=udp', locator), [
      'udp 192.0.2.1 5060',
      'udp 192.0.2.2 5060',
      'udp 192.0.2.3 5060',
      'udp 192.0.2.4 5060',
    ])
  })

  it('tries last what has just failed, for as long as its penalty lasts (§4.3)', async () => {
    dns.hosts('example.com', ['192.0.2.1'])
    const two = locatorOf(EVERYTHING, { maxHopPenalties: 2 })
    dns.hosts('example.com', ['192.0.2.1', '2001:db8::1'])
    const [first, second] = await hopsOf('sip:example.com:5060', two)
    two.penalties.add({ transport: 'udp', host: '192.0.2.1', port: 5060 }, 30_000)
    assert.deepEqual(await hopsOf('sip:example.com:5060', two), [second, first])
    nowMs += 30_001
    assert.deepEqual(await hopsOf('sip:example.com:5060', two), [first, second])
    for (let i = 0; i < 5; i++) two.penalties.add({ transport: 'udp', host: `192.0.2.${i}`, port: 5060 }, 30_000)
    assert.equal(two.penalties.size, 2)
    two.penalties.lift({ transport: 'udp', host: '192.0.2.4', port: 5060 })
    assert.equal(two.penalties.size, 1)
  })

  it('says which DNS servers it cannot use', () => {
    assert.throws(() => openDns({ servers: ['dns.example.com'], timeoutMs: 100 }), {
      name: 'DnsServersError',
      message: /must be an IP address.*dns\.example\.com/,
    })
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
