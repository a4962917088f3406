import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleAuction, sampleCall } from '../support/sample-calls.ts'

// Each line: what is asked, and what an administrator, the owner, another of the owner's role, one of the other role, and
// nobody hear. The owner of trunks and numbers is a seller, of targets, campaigns and bids a buyer.
type Row = [request: string, admin: number, owner: number, stranger: number, other: number, nobody: number]

describe('roles', () => {
  let api: ApiHarness
  let admin: Person
  const people: Record<'seller' | 'buyer', { owner: Person; stranger: Person }> = {} as never
  const ids: Record<string, string> = {}

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    for (const role of ['seller', 'buyer'] as const) {
      people[role] = {
        owner: await api.person(role, `${role} owner`),
        stranger: await api.person(role, `${role} stranger`),
      }
      ids[role] = people[role].owner.account.id
    }
    const make = async (token: string, path: string, json: object) => {
      const { status, body } = await api.request('POST', path, { token, json })
      assert.equal(status, 201, JSON.stringify(body))
      return body.id as string
    }
    const { seller, buyer } = people
    ids['trunk'] = await make(seller.owner.token, 'trunks', {
      name: 't',
      direction: 'inbound',
      addresses: ['192.0.2.1'],
    })
    ids['number'] = await make(seller.owner.token, 'numbers', { number: '+18005550100', vertical: 'legal' })
    ids['target'] = await make(buyer.owner.token, 'targets', { name: 't', uri: 'sip:a@b.example' })
    ids['campaign'] = await make(buyer.owner.token, 'campaigns', { name: 'c' })
    ids['bid'] = await make(buyer.owner.token, 'bids', { amount: '1' })
    const call = sampleCall(seller.owner.account.id, {
      buyerId: buyer.owner.account.id,
      bidId: newId(),
      auctionId: newId(),
    })
    const auction = sampleAuction(call, [buyer.owner.account.id])
    api.stores.callRecords.set(call.id, call)
    api.stores.auctionRecords.set(auction.id, auction)
    ids['call'] = call.id
    ids['auction'] = auction.id
  })
  after(() => api.api.close())

  async function hear(row: Row, ownerRole: 'seller' | 'buyer'): Promise<void> {
    const [request, ...expected] = row
    const [method = '', path = ''] = request.split(' ')
    const otherRole = ownerRole === 'seller' ? 'buyer' : 'seller'
    const { owner, stranger } = people[ownerRole]
    const tokens = [admin.token, owner.token, stranger.token, people[otherRole].stranger.token, undefined]
    const where = path.replace(/\{(\w+)\}/g, (_match, name: string) => ids[name]!)
    const heard: number[] = []
    for (const token of tokens) {
      const more = method === 'GET' || method === 'DELETE' ? {} : { json: {} }
      const reply = await api.request(method, where, { ...(token ? { token } : {}), ...more })
      heard.push(reply.status)
      if (reply.status >= 400) assert.equal(reply.headers.get('content-type'), 'application/problem+json')
    }
    assert.deepEqual(heard, expected, request)
  }

  // 422: the empty body was looked at, so the role was let through.
  const sellers: Row[] = [
    ['GET accounts/{seller}', 200, 200, 404, 404, 401],
    ['PATCH accounts/{seller}', 200, 200, 404, 404, 401],
    ['GET accounts/{seller}/ledger', 200, 200, 404, 404, 401],
    ['GET accounts/{seller}/api-keys', 200, 200, 404, 404, 401],
    ['POST accounts', 422, 403, 403, 403, 401],
    ['POST accounts/{seller}/deposits', 422, 403, 403, 403, 401],
    ['POST accounts/{seller}/payouts', 422, 403, 403, 403, 401],
    ['GET trunks', 200, 200, 200, 403, 401],
    ['POST trunks', 422, 422, 422, 403, 401],
    ['GET trunks/{trunk}', 200, 200, 404, 403, 401],
    ['PATCH trunks/{trunk}', 200, 200, 404, 403, 401],
    ['POST numbers', 422, 422, 422, 403, 401],
    ['GET numbers/{number}', 200, 200, 404, 403, 401],
    ['PATCH numbers/{number}', 200, 200, 404, 403, 401],
    ['GET calls', 200, 200, 200, 200, 401],
    ['GET calls/{call}', 200, 200, 404, 404, 401],
    ['POST calls/{call}/hangup', 409, 409, 404, 404, 401],
    ['GET calls/{call}/auction', 200, 200, 404, 404, 401],
    ['GET auctions/{auction}', 200, 200, 404, 404, 401],
    ['GET dnc', 200, 403, 403, 403, 401],
    ['POST dnc', 422, 403, 403, 403, 401],
    ['POST dnc/import', 422, 403, 403, 403, 401],
    ['GET dnc/+12125550123', 200, 403, 403, 403, 401],
    ['DELETE dnc/+12125550123', 404, 403, 403, 403, 401],
    ['GET debug/config', 200, 403, 403, 403, 401],
    ['GET debug/validate/phone/x', 200, 403, 403, 403, 401],
    ['POST debug/compliance/tcpa', 422, 403, 403, 403, 401],
    ['POST bid-request', 422, 422, 422, 403, 401],
    ['GET /health', 200, 200, 200, 200, 200],
    ['GET /metrics', 200, 200, 200, 200, 200],
    ['GET /openapi.json', 200, 200, 200, 200, 200],
  ]
  const buyers: Row[] = [
    ['GET accounts/{buyer}', 200, 200, 404, 404, 401],
    ['POST targets', 422, 422, 422, 403, 401],
    ['GET targets/{target}', 200, 200, 404, 403, 401],
    ['PATCH targets/{target}', 200, 200, 404, 403, 401],
    ['GET campaigns', 200, 200, 200, 403, 401],
    ['GET /campaigns', 200, 200, 200, 403, 401],
    ['POST campaigns', 422, 422, 422, 403, 401],
    ['GET campaigns/{campaign}', 200, 200, 404, 403, 401],
    ['GET bids', 200, 200, 200, 403, 401],
    ['POST bids', 422, 422, 422, 403, 401],
    ['GET bids/{bid}', 200, 200, 404, 403, 401],
    ['PATCH bids/{bid}', 200, 200, 404, 403, 401],
    ['GET calls/{call}', 200, 200, 404, 404, 401],
    ['POST calls/{call}/monitor', 422, 422, 422, 403, 401],
    ['GET calls/{call}/auction', 200, 200, 404, 404, 401],
    ['POST bid-request', 422, 403, 403, 422, 401],
  ]
  for (const row of sellers) it(`decide who may ${row[0]} (a seller’s)`, () => hear(row, 'seller'))
  for (const row of buyers) it(`decide who may ${row[0]} (a buyer’s)`, () => hear(row, 'buyer'))

  it('keep each list to one’s own', async () => {
    for (const [path, role] of [
      ['trunks', 'seller'],
      ['numbers', 'seller'],
      ['targets', 'buyer'],
      ['bids', 'buyer'],
      ['calls', 'seller'],
      ['accounts', 'buyer'],
    ] as const) {
      const { owner, stranger } = people[role]
      const mine = await api.request('GET', path, { token: owner.token })
      const theirs = await api.request('GET', path, { token: stranger.token })
      assert.equal(mine.body.data.length, 1, path)
      assert.equal(theirs.body.data.length, path === 'accounts' ? 1 : 0, path)
    }
    const asked = await api.request('GET', `targets?account_id=${ids['buyer']}`, { token: people.buyer.stranger.token })
    assert.deepEqual(asked.body.data, [])
  })

  it('tell nobody whether another’s account exists', async () => {
    const { token } = people.buyer.stranger
    const target = { name: 't', uri: 'sip:a@b.example' }
    const theirs = await api.request('POST', 'targets', { token, json: { ...target, account_id: ids['buyer'] } })
    const nobodys = await api.request('POST', 'targets', { token, json: { ...target, account_id: newId() } })
    assert.equal(theirs.status, 422)
    assert.deepEqual(theirs.body, nobodys.body)
    const bid = { amount: '1', target_id: ids['target'] }
    const reply = await api.request('POST', 'bids', { token, json: bid })
    assert.deepEqual([reply.status, reply.body.errors[0].pointer], [422, '/target_id'])
  })

  it('leave status and credit to the house', async () => {
    const { owner } = people.buyer
    for (const json of [{ credit_limit: '1000000' }, { status: 'active' }]) {
      const reply = await api.request('PATCH', `accounts/${ids['buyer']}`, { token: owner.token, json })
      assert.equal(reply.status, 403)
    }
  })
})
