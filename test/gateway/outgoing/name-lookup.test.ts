import assert from 'node:assert/strict'
import { AddressGuard, AddressRefused } from '../../../gateway/outgoing/address-guard.ts'
import { NameLookup, type NameLookupOptions } from '../../../gateway/outgoing/name-lookup.ts'
import { DnsServer } from '../../support/dns-server.ts'

describe('names in customers’ URLs', () => {
  let dns: DnsServer
  beforeEach(async () => void (dns = await DnsServer.open()))
  afterEach(() => dns.close())

  const lookup = (options: Partial<NameLookupOptions> = {}): NameLookup =>
    new NameLookup({ knowsHouse: false, servers: [dns.address], ...options })

  it('are asked of the DNS once, however many want to know, and then again when the answer is old', async () => {
    let nowMs = 0
    dns.hosts('rtb.example', ['8.8.8.8', '2606:4700::1'], 3600)
    dns.hosts('short.example', ['8.8.4.4'], 5)
    const names = lookup({ nowMs: () => nowMs })
    const answers = await Promise.all([names.addressesOf('rtb.example'), names.addressesOf('RTB.example.')])
    assert.deepEqual(answers[0], [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ])
    assert.equal(answers[1], answers[0])
    assert.equal(dns.asked.length, 2)
    await names.addressesOf('short.example')
    nowMs = 5000
    await names.addressesOf('short.example')
    await names.addressesOf('rtb.example')
    assert.equal(dns.asked.length, 6, 'the short one only')
    nowMs = 60_000
    await names.addressesOf('rtb.example')
    assert.equal(dns.asked.length, 8, 'no answer is kept longer than a minute')
  })

  it('of a dead DNS are given up on, and at most so many wait for it', async () => {
    dns.mood = 'silent'
    const names = lookup({ maxUnderWay: 2 })
    const dead = [names.addressesOf('a.example'), names.addressesOf('b.example')]
    const ends = Promise.allSettled(dead)
    await assert.rejects(names.addressesOf('c.example'), /too many names/)
    assert.deepEqual(
      (await ends).map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    dns.mood = 'answers'
    dns.hosts('c.example', ['8.8.8.8'])
    assert.equal((await names.addressesOf('c.example')).length, 1)
  })

  it('are remembered up to a number of them, the oldest forgotten', async () => {
    const names = lookup({ maxNames: 2 })
    for (const name of ['a.example', 'b.example', 'c.example']) {
      dns.hosts(name, ['8.8.8.8'])
      await names.addressesOf(name)
    }
    assert.equal(names.size, 2)
    const before = dns.asked.length
    await names.addressesOf('c.example')
    assert.equal(dns.asked.length, before)
    await names.addressesOf('a.example')
    assert.equal(dns.asked.length, before + 2)
  })

  it('are those of the house only where its networks may be called', async () => {
    await assert.rejects(lookup().addressesOf('localhost'))
    const addresses = await lookup({ knowsHouse: true }).addressesOf('localhost')
    assert.ok(addresses.some(({ address }) => address === '127.0.0.1' || address === '::1'))
    assert.deepEqual(await lookup().addressesOf('10.0.0.1'), [{ address: '10.0.0.1', family: 4 }])
  })

  it('are refused when one of their addresses is, also one that has changed since', async () => {
    let nowMs = 0
    const guard = new AddressGuard([], lookup({ nowMs: () => nowMs }))
    const ask = (): Promise<unknown> =>
      new Promise((resolve) => guard.lookup('rtb.example', { all: true }, (error, found) => resolve(error ?? found)))
    dns.hosts('rtb.example', ['8.8.8.8'], 1)
    assert.deepEqual(await ask(), [{ address: '8.8.8.8', family: 4 }])
    nowMs = 1000
    dns.hosts('rtb.example', ['8.8.8.8', '127.0.0.1'], 1)
    assert.ok((await ask()) instanceof AddressRefused)
  })
})
