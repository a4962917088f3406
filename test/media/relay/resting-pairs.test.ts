import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SocketPair } from '../../../media/relay/relay-socket.ts'
import { KEPT_MS, MANY_A_SECOND, RestingPairs } from '../../../media/relay/resting-pairs.ts'

const QUIET_MS = 300

function pairAt(address: string, port: number): SocketPair {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of a socket is used
  return { address, port, rtp: new EventEmitter(), rtcp: new EventEmitter() } as unknown as SocketPair
}

/** As many have ended that pairs are kept from now on. */
function start(quietMs: number, nowMs: number): RestingPairs {
  const resting = new RestingPairs(quietMs, 1_000)
  for (let n = 1; n < MANY_A_SECOND; n++) assert.equal(resting.rest(pairAt('192.0.2.1', n), nowMs), false)
  return resting
}

describe('resting pairs', () => {
  it('give up for its port one that nobody sends to before one that somebody does', async () => {
    const leftMs = performance.now() - 10_000 // What is heard counts from now on: behind it.
    const resting = start(QUIET_MS, leftMs)
    const [loud, quiet] = [pairAt('192.0.2.2', 1_000), pairAt('192.0.2.3', 2_000)]
    for (const pair of [loud, quiet]) assert.ok(resting.rest(pair, leftMs))
    // It rests anew the first time; whoever goes on sending is told apart the second time.
    for (const laterMs of [0, QUIET_MS]) {
      await sleep(5)
      loud.rtp.emit('message')
      resting.haveBeenRead(performance.now() + laterMs)
      assert.equal(resting.take(loud.address), null)
    }
    const nowMs = performance.now() + 2 * QUIET_MS
    assert.equal(resting.takeAny(nowMs), quiet)
    assert.equal(resting.takeAny(nowMs), loud)
    assert.equal(resting.takeAny(nowMs), null)
    assert.equal(resting.size, 0)
  })

  it('are not closed before their quiet time is over, however long that is', () => {
    const quietMs = 2 * KEPT_MS
    const resting = start(quietMs, 0)
    const pair = pairAt('192.0.2.2', 1_000)
    resting.rest(pair, 0)
    assert.deepEqual(resting.takeOverdue(quietMs - 1, 10), [])
    assert.deepEqual(resting.takeOverdue(quietMs, 10), [pair])
  })
})
