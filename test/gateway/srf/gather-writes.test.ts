import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { gatherWrites } from '../../../gateway/srf/gather-writes.ts'

describe('gatherWrites', () => {
  const open: { close(): void }[] = []
  afterEach(() => open.splice(0).forEach((each) => each.close()))

  /** A connection to a listener of our own, and all that arrives there. */
  async function connected(): Promise<{ socket: Socket; received: () => string; ended: Promise<unknown> }> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    const accepted = once(server, 'connection')
    const socket = connect(address.port, '127.0.0.1')
    const [far]: [Socket] = (await accepted) as [Socket]
    let text = ''
    far.on('data', (chunk) => (text += chunk.toString()))
    open.push({ close: () => (socket.destroy(), far.destroy(), server.close()) })
    return { socket, received: () => text, ended: once(far, 'end') }
  }

  it('keeps frames together until the end of the turn, and in their order', async () => {
    const { socket, received, ended } = await connected()
    gatherWrites(socket)
    gatherWrites(socket)
    for (const frame of ['1#a', '1#b', '1#c']) socket.write(frame)
    assert.equal(socket.writableLength, 9, 'nothing has left yet')
    assert.equal(socket.writableCorked, 1, 'and one turn corks once')
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(socket.writableCorked, 0)
    socket.write('1#d') // Just after a write: this one waits a little longer.
    socket.end('1#e')
    await ended
    assert.equal(received(), '1#a1#b1#c1#d1#e')
  })
})
