import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { WebSocket } from 'ws'
import type { Caller } from '../../api/endpoint.ts'
import { CLOSE_UNAUTHORIZED, FeedClient } from '../../api/feed-client.ts'
import { StoreUnavailable } from '../../api/needs.ts'
import { Problem } from '../../api/problems.ts'
import { newId } from '../../model/ids.ts'

/** As much of a WebSocket as a client of the feed touches. */
class FakeSocket extends EventEmitter {
  readonly readyState = 1
  bufferedAmount = 0
  readonly sent: string[] = []
  pings = 0
  terminated = false
  closedWith: number | null = null
  send = (text: string) => void this.sent.push(text)
  ping = () => void this.pings++
  terminate = () => void (this.terminated = true)
  close = (code: number) => void (this.closedWith = code)
}

describe('a client of the live feed', () => {
  const caller: Caller = { accountId: newId(), role: 'admin', userId: null, token: null }
  let answer: () => Promise<Caller>
  let slow = 0

  function join(): { socket: FakeSocket; client: FeedClient } {
    answer = async () => caller
    const socket = new FakeSocket()
    const told = { onSlow: () => void slow++, onAdmitted: () => {} }
    const options = { bufferBytes: 100, now: () => 0, ...told, authenticate: () => answer() }
    const client = new FeedClient({ socket: socket as unknown as WebSocket, ...options }, { token: 't', caller })
    return { socket, client }
  }

  it('is gone when it has not answered the last ping', () => {
    const { socket, client } = join()
    client.ping()
    socket.emit('pong')
    client.ping()
    assert.deepEqual([socket.pings, socket.terminated], [2, false])
    client.ping()
    assert.equal(socket.terminated, true)
  })

  it('is closed at the next ping once its token is withdrawn, not when the database is away', async () => {
    const { socket, client } = join()
    answer = async () => {
      throw new StoreUnavailable('gone')
    }
    client.ping()
    socket.emit('pong')
    await new Promise(setImmediate)
    assert.equal(socket.closedWith, null)
    answer = async () => {
      throw new Problem('unauthorized', 'withdrawn')
    }
    client.ping()
    await new Promise(setImmediate)
    assert.equal(socket.closedWith, CLOSE_UNAUTHORIZED)
  })

  it('is dropped when more than the limit is unsent', () => {
    const { socket, client } = join()
    socket.bufferedAmount = 100
    client.send('a')
    assert.equal(socket.terminated, false)
    socket.bufferedAmount = 101
    client.send('b')
    assert.deepEqual([socket.terminated, slow, socket.sent.at(-1)], [true, 1, 'a'])
  })
})
