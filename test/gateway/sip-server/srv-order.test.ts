import assert from 'node:assert/strict'
import { orderServers } from '../../../gateway/sip-server/srv-order.ts'

const server = (name: string, priority: number, weight: number) => ({ name, priority, weight })
const namesOf = (servers: readonly { name: string }[]): string => servers.map(({ name }) => name).join(' ')

/** Always the same part of the range. */
const at =
  (share: number) =>
  (limit: number): number =>
    Math.floor(share * limit)

describe('the order of SRV records (RFC 2782)', () => {
  it('goes by priority first, whatever the weights', () => {
    const servers = [server('c', 30, 100), server('a', 10, 0), server('b', 20, 65_535)]
    for (const chance of [0, 0.5, 0.999]) assert.equal(namesOf(orderServers(servers, at(chance))), 'a b c')
  })

  it('shares the first tries of one priority in proportion to weight', () => {
    const servers = [server('small', 0, 10), server('large', 0, 30)]
    let seed = 1
    const below = (limit: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return Math.floor((seed / 2_147_483_647) * limit)
    }
    let large = 0
    for (let i = 0; i < 4_000; i++) if (orderServers(servers, below)[0]!.name === 'large') large++
    assert.ok(large > 2_800 && large < 3_150, `${large} of 4,000`)
  })

  it('keeps every server exactly once, and those of weight 0 for nearly last', () => {
    const servers = [server('idle', 0, 0), server('busy', 0, 100)]
    assert.equal(namesOf(orderServers(servers, at(0.5))), 'busy idle')
    assert.equal(namesOf(orderServers(servers, at(0))), 'idle busy')
    assert.deepEqual(orderServers([], at(0)), [])
  })
})
