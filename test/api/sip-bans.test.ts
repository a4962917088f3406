import assert from 'node:assert/strict'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

describe('SIP bans', () => {
  let api: ApiHarness
  let admin: Person
  const lifted: string[] = []
  const banned = ['192.0.2.1', '2001:db8:1:2::/64', '192.0.2.3']
  before(async () => {
    api = await startApi({
      sipBans: {
        list: async () =>
          banned.map((address) => ({ address, offence: 'scanner' as const, leftMs: 60_000, times: 2, dropped: 7 })),
        lift: async (address) => banned.includes(address) && lifted.push(address) > 0,
      },
    })
    admin = await api.person('operator')
  })
  after(() => api.api.close())

  it('are listed for administrators, page by page', async () => {
    const first = await api.request('GET', 'sip/bans?limit=2', { token: admin.token })
    assert.equal(first.status, 200)
    assert.deepEqual(
      first.body.data.map((ban: { address: string }) => ban.address),
      banned.slice(0, 2),
    )
    const { until, ...rest } = first.body.data[0]
    assert.deepEqual(rest, { address: '192.0.2.1', offence: 'scanner', times: 2, dropped: 7 })
    assert.ok(Math.abs(Date.parse(until) - Date.now() - 60_000) < 30_000)
    const second = await api.request('GET', `sip/bans?limit=2&cursor=${first.body.next_cursor}`, { token: admin.token })
    assert.deepEqual([second.body.data.length, second.body.next_cursor], [1, null])
    const seller = await api.person('seller')
    assert.equal((await api.request('GET', 'sip/bans', { token: seller.token })).status, 403)
  })

  it('are lifted by their address, a block included', async () => {
    for (const address of banned) {
      const path = `sip/bans/${encodeURIComponent(address)}`
      assert.equal((await api.request('DELETE', path, { token: admin.token })).status, 204, address)
    }
    assert.deepEqual(lifted, banned)
    assert.equal((await api.request('DELETE', 'sip/bans/192.0.2.9', { token: admin.token })).status, 404)
  })

  it('are not kept by a SIP server that is not ours', async () => {
    const other = await startApi()
    const { token } = await other.person('operator')
    assert.equal((await other.request('GET', 'sip/bans', { token })).status, 501)
    assert.equal((await other.request('DELETE', 'sip/bans/192.0.2.1', { token })).status, 501)
    await other.api.close()
  })
})
