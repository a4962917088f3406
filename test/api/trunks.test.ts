import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('trunks', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let buyer: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    seller = await api.person('seller')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })
  const patch = (person: Person, path: string, json: Json) => api.request('PATCH', path, { token: person.token, json })

  const good = { name: 'carrier', direction: 'inbound', addresses: ['192.0.2.0/24', '2001:db8::1'] }

  it('keep their password to themselves', async () => {
    const made = await post(seller, 'trunks', {
      ...good,
      username: 'u',
      password: 'secret',
      max_cps: 10,
      max_concurrent_calls: 100,
      strip_prefix: '9',
    })
    assert.equal(made.status, 201)
    assert.equal(made.body.has_password, true)
    assert.ok(!JSON.stringify(made.body).includes('secret'))
    const stored = await api.stores.trunks.find(made.body.id)
    assert.equal(stored?.password, null, 'of an inbound trunk’s only hashes are kept')
    assert.deepEqual(stored?.digest, api.options.sip.digestOf('u', 'secret'))
    assertFault(await patch(seller, `trunks/${made.body.id}`, { username: 'v' }), '/password', 'required')
    const renamed = await patch(seller, `trunks/${made.body.id}`, { username: 'v', password: 'other' })
    assert.equal(renamed.body.username, 'v')
    assert.deepEqual((await api.stores.trunks.find(made.body.id))?.digest, api.options.sip.digestOf('v', 'other'))
    assert.equal((await patch(seller, `trunks/${made.body.id}`, { max_cps: 11 })).body.has_password, true)
    const changed = await patch(seller, `trunks/${made.body.id}`, { username: null, password: null })
    assert.equal(changed.body.has_password, false)
    assertFault(await patch(seller, `trunks/${made.body.id}`, { addresses: [] }), '/addresses', 'required')
  })

  it('are of narrow blocks, unless an administrator says that a wide one is the seller’s', async () => {
    const wide = { ...good, addresses: ['192.0.2.1', '198.51.0.0/16'] }
    assertFault(await post(seller, 'trunks', wide), '/addresses/1', 'not_allowed')
    assertFault(await post(seller, 'trunks', { ...good, addresses: ['2001:db8::/47'] }), '/addresses/0', 'not_allowed')
    const made = await post(admin, 'trunks', { ...wide, account_id: seller.account.id })
    assert.equal(made.status, 201)
    const path = `trunks/${made.body.id}`
    assert.equal((await patch(seller, path, { name: 'renamed' })).status, 200)
    assertFault(await patch(seller, path, { addresses: ['198.51.0.0/16'] }), '/addresses/0', 'not_allowed')
    assert.equal((await patch(seller, path, { addresses: ['198.51.100.0/24', '2001:db8::/48'] })).status, 200)
  })

  it('refuse what is wrong', () =>
    refusesEach(api, seller, 'trunks', good, {
      addresses: [
        ['x'],
        ['192.0.2.256'],
        ['0.0.0.0/0'],
        ['::/0'],
        ['10.0.0.0/33'],
        ['10.0.0.0/8/8'],
        ['fe80::1%eth0'],
        ['10.0.0.1/'],
        [],
        'x',
        Array(257).fill('192.0.2.1'),
      ],
      max_cps: [0, -1, 1.5, '10', 1e9],
      direct_media: ['yes', 1, null],
      attestation: ['D', 'a', true],
      caller_numbers: [['2125550142'], ['+1*'], ['+121255501*2'], ['*'], Array(1001).fill('+12125550142')],
      max_concurrent_calls: [0, -1, 1.5, '10'],
      strip_prefix: ['', 'abc', '1'.repeat(17)],
      direction: ['both', 'outbound', null],
      host: ['carrier.example'],
      name: [''],
      account_id: [buyer.account.id, admin.account.id, 'x', newId()],
    }))

  it('ask for a username and a password together', async () => {
    assertFault(await post(seller, 'trunks', { ...good, password: 'alone' }), '/username', 'required')
    assertFault(await post(seller, 'trunks', { ...good, username: 'alone' }), '/password', 'required')
  })

  it('may be known by names in a certificate alone', async () => {
    const made = await post(seller, 'trunks', { ...good, addresses: [], tls_names: ['sbc.carrier.example'] })
    assert.deepEqual(made.body.tls_names, ['sbc.carrier.example'])
    assertFault(await post(seller, 'trunks', { ...good, tls_names: ['*.carrier.example'] }), '/tls_names/0')
    assertFault(await post(seller, 'trunks', { ...good, tls_names: Array(33).fill('a.example') }), '/tls_names')
    assertFault(await patch(seller, `trunks/${made.body.id}`, { tls_names: [] }), '/addresses', 'required')
  })

  it('are attested as an administrator says, and no seller', async () => {
    const own = { attestation: 'A', caller_numbers: ['+12125550142', '+1215555*'] }
    const path = `trunks/${(await post(seller, 'trunks', good)).body.id}`
    assertFault(await patch(seller, path, { attestation: 'C' }), '/attestation', 'not_allowed')
    assertFault(await patch(seller, path, { caller_numbers: ['+12125550142'] }), '/caller_numbers', 'not_allowed')
    assertFault(await post(seller, 'trunks', { ...good, ...own }), '/attestation', 'not_allowed')
    const { body } = await patch(admin, path, own)
    assert.deepEqual([body.attestation, body.caller_numbers], [own.attestation, own.caller_numbers])
    const { body: same } = await patch(seller, path, { name: 'the same', ...own })
    assert.deepEqual([same.name, same.attestation, same.caller_numbers], ['the same', 'A', own.caller_numbers])
    assertFault(await patch(seller, path, { attestation: 'B' }), '/attestation', 'not_allowed')
    const more = [...own.caller_numbers, '+18005550100']
    assertFault(await patch(seller, path, { caller_numbers: more }), '/caller_numbers', 'not_allowed')
    const { body: renamed } = await patch(seller, path, { name: 'renamed', attestation: null, caller_numbers: [] })
    assert.deepEqual([renamed.attestation, renamed.caller_numbers], [null, []], 'it may go without')
  })

  it('outbound keep the password they must say', async () => {
    const outbound = { account_id: admin.account.id, name: 'out', direction: 'outbound', host: 'carrier.example' }
    const made = await post(admin, 'trunks', { ...outbound, username: 'u', password: 'secret' })
    assert.equal((await api.stores.trunks.find(made.body.id))?.password, 'secret')
    await patch(admin, `trunks/${made.body.id}`, { username: 'v' })
    assert.equal((await api.stores.trunks.find(made.body.id))?.password, 'secret')
    assertFault(await post(admin, 'trunks', { ...outbound, tls_names: ['a.example'] }), '/tls_names', 'not_allowed')
  })

  it('outbound are the house’s, and need a host', async () => {
    const outbound = { account_id: admin.account.id, name: 'out', direction: 'outbound' }
    assertFault(await post(admin, 'trunks', outbound), '/host', 'required')
    for (const host of [
      'a b',
      'host:0',
      'host:65536',
      '-x',
      'http://x',
      '[::g]',
      'a;transport=ws',
      'a;lr',
      'a;transport=tcp;x',
    ])
      assertFault(await post(admin, 'trunks', { ...outbound, host }), '/host')
    assert.equal((await post(admin, 'trunks', { ...outbound, host: 'carrier.example:5080' })).status, 201)
    assert.equal((await post(admin, 'trunks', { ...outbound, host: '[2001:db8::1]:5060' })).status, 201)
    assert.equal((await post(admin, 'trunks', { ...outbound, host: 'carrier.example;transport=tls' })).status, 201)
    assertFault(
      await post(admin, 'trunks', { ...outbound, account_id: seller.account.id, host: 'x.example' }),
      '/direction',
    )
  })
})
