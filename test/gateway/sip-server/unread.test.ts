import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket as NetSocket } from 'node:net'
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

  /** A turn of so many datagrams of each socket, each of which takes so long. */
  async turn(datagrams: readonly number[], workMs: number): Promise<void> {
    for (const [socket, count] of datagrams.entries())
      for (let read = 0; read < count; read++) {
        this.unread.datagram(SOCKETS[socket]!)
        this.nowMs += workMs
      }
    await nextTurn()
  }
}

const SOCKETS = [{}, {}, {}, {}]

describe('what lies unread', () => {
  it('waits as long as a turn lasts while each turn reads all there is, though the loop is never idle', async () => {
    const loop = new Loop()
    for (let turn = 0; turn < 50; turn++) await loop.turn([10], 2)
    assert.equal(loop.unread.take(), 20)
    assert.equal(loop.unread.take(), 0)
  })

  it('waits longer while turns end before a socket is empty, until one has read it', async () => {
    const loop = new Loop()
    for (let turn = 0; turn < 3; turn++) await loop.turn([32], 2)
    assert.equal(loop.unread.take(), 192)
    await loop.turn([31], 2)
    assert.equal(loop.unread.take(), 254)
    await loop.turn([31], 1)
    assert.equal(loop.unread.take(), 31)
  })

  it('is told apart by socket: of two that are full in turn neither waits for long', async () => {
    const loop = new Loop()
    for (let turn = 0; turn < 20; turn++) await loop.turn(turn % 2 === 0 ? [32, 3] : [3, 32], 0.1)
    assert.ok(loop.unread.take() < 8)
    for (let turn = 0; turn < 20; turn++) await loop.turn([10, 10, 10, 10], 0.1)
    assert.ok(loop.unread.take() < 8)
    await loop.turn([32], 0.1)
    loop.nowMs += 500
    await loop.turn([0, 1], 0.1)
    loop.unread.take()
    await loop.turn([0, 1], 0.1)
    assert.ok(loop.unread.take() < 1, 'what nothing came of any more was empty')
  })

  it('is of a stream what its sender may still hold back, when a turn brings 64 kB of it', async () => {
    const loop = new Loop()
    for (let turn = 0; turn < 4; turn++) {
      for (let piece = 0; piece < 4; piece++) loop.unread.piece(SOCKETS[0]!, 16_384)
      loop.nowMs += 20
      await nextTurn()
    }
    assert.equal(loop.unread.take(), 80)
    loop.unread.piece(SOCKETS[0]!, 60_000)
    loop.nowMs += 20
    await nextTurn()
    assert.equal(loop.unread.take(), 100)
    assert.equal(loop.unread.take(), 0)
  })

  it('is seen in the middle of a turn, too', async () => {
    const loop = new Loop()
    loop.unread.piece(SOCKETS[0]!, 500)
    loop.nowMs += 150
    assert.equal(loop.unread.take(), 150)
    await nextTurn()
    assert.equal(loop.unread.take(), 150, 'until it ends')
    loop.nowMs += 60_000
    assert.equal(loop.unread.take(), 0)
  })

  it('is nothing when the loop had time to spare', async () => {
    const loop = new Loop()
    loop.busyShare = 0.5
    await loop.turn([32], 20)
    assert.equal(loop.unread.take(), 0)
  })

  it('sees the share of its time the real loop works', async () => {
    const share = busyShareOfLoop()
    for (const endMs = performance.now() + 50; performance.now() < endMs;) await nextTurn()
    assert.ok(share() > 0.9)
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.ok(share() < 0.9)
  })

  it('is left by the platform after as many datagrams as it counts with', async () => {
    const from = createSocket('udp4')
    const to = createSocket('udp4')
    try {
      const all = Promise.withResolvers<void>()
      let read = 0
      let firstTurn = 0
      to.on('message', () => {
        if (read++ === 0) setImmediate(() => (firstTurn = read))
        if (read === 40) all.resolve()
      })
      await bound(to)
      await bound(from)
      const { port } = to.address()
      for (let sent = 0; sent < 40; sent++) from.send(Buffer.alloc(10), port, '127.0.0.1')
      await all.promise
      assert.equal(firstTurn, 32)
    } finally {
      from.close()
      to.close()
    }
  })

  it('is seen of one connection that brings more than can be done, though its sender holds most of it back', async () => {
    const unread = new Unread(() => performance.now(), busyShareOfLoop())
    const accepted: NetSocket[] = []
    const server = createServer((socket) => {
      accepted.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        unread.piece(socket, chunk.length)
        for (const endMs = performance.now() + chunk.length / 20_000; performance.now() < endMs;);
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
    peer.on('error', () => {})
    const messages = Buffer.alloc(1 << 20)
    const send = (): void => {
      while (peer.writable && peer.write(messages));
    }
    peer.on('drain', send)
    try {
      await once(peer, 'connect')
      send()
      await new Promise((resolve) => setTimeout(resolve, 200))
      unread.take()
      await new Promise((resolve) => setTimeout(resolve, 500))
      const longestMs = unread.take()
      assert.ok(longestMs >= 400, `${longestMs} ms`)
    } finally {
      peer.destroy()
      for (const socket of accepted) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  })
})

async function bound(socket: Socket): Promise<void> {
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
}
