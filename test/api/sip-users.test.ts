import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { assertFault, refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('SIP users', () => {
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

  it('keep only hashes of their password, and never say those', async () => {
    const made = await post(buyer, 'sip-users', { username: 'agent1', password: 'very secret' })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const stored = await api.stores.sipUsers.find(made.body.id)
    assert.deepEqual(stored?.digest, api.options.sip.digestOf('agent1', 'very secret'))
    const { id, account_id } = made.body
    const { created_at, updated_at } = made.body
    assert.ok(created_at === updated_at)
    assert.deepEqual(made.body, {
      id,
      account_id,
      created_at,
      updated_at,
      username: 'agent1',
      realm: 'dce',
      uri: 'sip:agent1@dce',
      status: 'active',
      trunk_id: null,
      bindings: [],
      version: 1,
    })
    assert.equal(account_id, buyer.account.id)
    const changed = await patch(buyer, `sip-users/${id}`, { password: 'another one', status: 'suspended' })
    assert.equal(changed.body.status, 'suspended')
    assert.deepEqual((await api.stores.sipUsers.find(id))?.digest, api.options.sip.digestOf('agent1', 'another one'))
    const list = await api.request('GET', 'sip-users?status=suspended', { token: buyer.token })
    assert.deepEqual(
      list.body.data.map((user: Json) => user['username']),
      ['agent1'],
    )
    assert.equal((await api.request('DELETE', `sip-users/${id}`, { token: buyer.token })).status, 204)
  })

  it('refuse what is wrong', () =>
    refusesEach(
      api,
      buyer,
      'sip-users',
      { username: 'agent2', password: 'very secret' },
      {
        username: ['', 'a b', '@', 'x'.repeat(65), '-x', 'a"b', 7],
        password: ['short', '', null, 'x'.repeat(257)],
        status: ['gone'],
        trunk_id: ['x', newId()],
        account_id: [seller.account.id, admin.account.id, newId()],
        realm: ['other'],
      },
    ))

  it('have usernames of their own, across accounts', async () => {
    const agent = { username: 'only-one', password: 'very secret' }
    assert.equal((await post(buyer, 'sip-users', agent)).status, 201)
    const other = await api.person('buyer', 'other')
    assert.equal((await post(other, 'sip-users', agent)).status, 409)
  })

  it('of a seller call on one of its inbound trunks', async () => {
    const browser = { username: 'browser', password: 'very secret' }
    assertFault(await post(seller, 'sip-users', browser), '/trunk_id', 'required')
    const trunk = { name: 'web', direction: 'inbound', username: 'web', password: 'web secret' }
    const own = await post(seller, 'trunks', trunk)
    const other = await api.person('seller', 'other')
    const theirs = await post(other, 'trunks', trunk)
    assertFault(await post(seller, 'sip-users', { ...browser, trunk_id: theirs.body.id }), '/trunk_id', 'not_found')
    const made = await post(seller, 'sip-users', { ...browser, trunk_id: own.body.id })
    assert.equal(made.body.trunk_id, own.body.id)
    assertFault(await patch(seller, `sip-users/${made.body.id}`, { trunk_id: null }), '/trunk_id', 'required')
    assertFault(await patch(seller, `sip-users/${made.body.id}`, { trunk_id: theirs.body.id }), '/trunk_id')
  })

  it('of a buyer may be its targets, and nobody else’s', async () => {
    await post(buyer, 'sip-users', { username: 'desk', password: 'very secret' })
    const target = { name: 'desk', uri: 'sip:desk@dce' }
    const made = await post(buyer, 'targets', target)
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const other = await api.person('buyer', 'stranger')
    assertFault(await post(other, 'targets', target), '/uri', 'not_found')
    assertFault(await post(buyer, 'targets', { ...target, uri: 'sip:nobody@dce' }), '/uri', 'not_found')
    assertFault(await patch(buyer, `targets/${made.body.id}`, { uri: 'sip:nobody@dce' }), '/uri', 'not_found')
  })
})
