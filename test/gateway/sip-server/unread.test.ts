import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { busyShareOfLoop, Unread } from '../../../gateway/sip-server/unread.ts'

/** A loop whose time and share of work the test says. */
class Loop {
  nowMs = 0
  busyShare = 1
  readonly unread = new Unread(
    () => this.nowMs,
    () => this.busyShare,
  )
  readonly datagram = this.unread.socket()

  /** A turn of so many datagrams, each of which takes so long. */
  async turn(datagrams: number, workMs: number): Promise<void> {
    for (let read = 0; read < datagrams; read++) {
      this.datagram()
      this.nowMs += workMs
    }
    await nextTurn()
  }
}

describe('what lies unread', () => {
  it('is as old as a turn lasts while each turn reads all there is, though the loop is never idle', async () => {
    const loop = new Loop()
    for (let turn = 0; turn < 50; turn++) await loop.turn(10, 2)
    assert.equal(loop.unread.take(), 20)
    assert.equal(loop.unread.take(), 0)
  })

  it('grows older while turns end before a socket is empty, and is forgotten once it is', async () => {
    const loop = new Loop()
    for (let turn = 0; turn < 3; turn++) await loop.turn(32, 2)
    assert.equal(loop.unread.take(), 192)
    await loop.turn(31, 2)
    assert.equal(loop.unread.take(), 254)
    await loop.turn(31, 1)
    assert.equal(loop.unread.take(), 31)
  })

  it('is counted by socket: many with a little each are empty', async () => {
    const loop = new Loop()
    const sockets = Array.from({ length: 8 }, () => loop.unread.socket())
    for (let turn = 0; turn < 5; turn++) {
      for (const socket of sockets) for (let read = 0; read < 10; read++) socket()
      await loop.turn(1, 5)
    }
    assert.equal(loop.unread.take(), 5)
  })

  it('grows with the turn it waits for, of streams too', async () => {
    const loop = new Loop()
    loop.unread.reading()
    loop.nowMs += 150
    assert.equal(loop.unread.take(), 150)
    await nextTurn()
    assert.equal(loop.unread.take(), 150, 'until it ends')
    assert.equal(loop.unread.take(), 0)
  })

  it('is nothing when the loop had time to spare', async () => {
    const loop = new Loop()
    loop.nowMs += 60_000
    loop.busyShare = 0.5
    await loop.turn(32, 2)
    assert.equal(loop.unread.take(), 0)
  })

  it('sees the share of its time the real loop works', async () => {
    const share = busyShareOfLoop()
    for (const endMs = performance.now() + 50; performance.now() < endMs; ) await nextTurn()
    assert.ok(share() > 0.9)
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.ok(share() < 0.9)
  })

  it('is left by the platform after as many datagrams as it counts with', async () => {
    const from = createSocket('udp4')
    const to = createSocket('udp4')
    try {
      let read = 0
      let firstTurn = 0
      to.on('message', () => {
        if (read++ === 0) setImmediate(() => (firstTurn = read))
      })
      await bound(to)
      await bound(from)
      const { port } = to.address()
      for (let sent = 0; sent < 40; sent++) from.send(Buffer.alloc(10), port, '127.0.0.1')
      const endMs = performance.now() + 2_000
      while (read < 40 && performance.now() < endMs) await nextTurn()
      assert.deepEqual([read, firstTurn], [40, 32])
    } finally {
      from.close()
      to.close()
    }
  })
})

async function bound(socket: Socket): Promise<void> {
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
}
