import assert from 'node:assert/strict'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { RELAY_REPLY_LIMIT_MS, RelayThread } from '../../../media/relay/relay-thread.ts'
import { needs, SMALL_RANGE } from './relayed-call.ts'

const data = {
  addresses: ['127.0.0.1'],
  portRange: SMALL_RANGE,
  index: 0,
  of: 1,
  portQuietMs: 0,
  rtpTimeoutMs: 0,
  latching: 'symmetric',
  oneWayAfterMs: 0,
  oneWayEndsCall: false,
  readyPairs: 0,
} as const

/** A thread that runs this program instead of the relay's. */
function running(program: string, onDied: (reason: string) => void = () => {}): RelayThread {
  const file = new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'\n${program}`)}`,
  )
  return new RelayThread(
    data,
    needs,
    {
      onSilent: () => {},
      onInsecure: () => {},
      onTool: () => {},
      onDied: (_thread, reason) => onDied(reason),
    },
    file,
  )
}

const READY = `parentPort.postMessage([{ kind: 'ready' }]); parentPort.on('message', (message) => {`

describe('RelayThread', () => {
  it('gives up on a thread that does not answer within the limit', async () => {
    const thread = running(`${READY} })`)
    await thread.start()
    const startMs = performance.now()
    await assert.rejects(thread.request({ kind: 'stats', session: 1 }), (error) => {
      assert.ok(error instanceof MediaUnavailable)
      assert.match(error.message, new RegExp(`within ${RELAY_REPLY_LIMIT_MS} ms`))
      return true
    })
    assert.ok(performance.now() - startMs >= RELAY_REPLY_LIMIT_MS - 50)
    await thread.close()
  })

  it('says all that one turn has to say in one message', async () => {
    const thread = running(`${READY} parentPort.postMessage(message.map(({ ref }) =>
      ({ kind: 'refused', ref, reason: message.length + ' together' }))) })`)
    await thread.start()
    const asked = [1, 2, 3].map((session) => thread.request({ kind: 'stats', session }))
    for (const reply of await Promise.all(asked))
      assert.deepEqual({ ...reply, ref: 0 }, { kind: 'refused', ref: 0, reason: '3 together' })
    await thread.close()
  })

  it('gives each pair that is ready once, and none of a thread that has died', async () => {
    const ports = [20, 22, 24, 26, 28].map((port) => `{ kind: 'ready-port', address: '127.0.0.1', port: ${port} }`)
    let died: () => void
    const gone = new Promise<void>((resolve) => (died = resolve))
    const thread = running(
      `parentPort.postMessage([${ports.join()}, { kind: 'ready-port', address: '::1', port: 30 }, { kind: 'ready' }])
      parentPort.on('message', () => process.exit())`,
      () => died(),
    )
    await thread.start()
    assert.deepEqual(thread.takeReady('127.0.0.1', '127.0.0.1'), { callerPort: 20, buyerPort: 22 })
    assert.deepEqual(thread.takeReady('::1', '127.0.0.1'), { callerPort: 30, buyerPort: 24 })
    assert.equal(thread.takeReady('::1', '127.0.0.1'), null)
    thread.notify({ kind: 'watch', session: 1, on: false })
    await gone
    assert.equal(thread.takeReady('127.0.0.1', '127.0.0.1'), null)
    await thread.close()
  })

  it('gives up what is ready when the thread has no port for somebody, and asks again', async () => {
    const thread =
      running(`parentPort.postMessage([{ kind: 'ready-port', address: '::1', port: 30 }, { kind: 'ready' }])
      let released = 0
      parentPort.on('message', (messages) => parentPort.postMessage(messages.flatMap(({ kind, ref, ports }) => {
        if (kind === 'release') released = ports[0]
        else return released === 0 ? [{ kind: 'refused', ref, reason: 'none' }] : [{ kind: 'spare-opened', ref, port: released }]
        return []
      })))`)
    await thread.start()
    const reply = await thread.requestPorts({ kind: 'spare', session: 1, address: '127.0.0.1' })
    assert.deepEqual({ ...reply, ref: 0 }, { kind: 'spare-opened', ref: 0, port: 30 })
    await thread.close()
  })

  it('rejects what was asked of a thread that dies, and says why it died', async () => {
    let reason = ''
    const thread = running(`${READY} throw new Error('out of luck') })`, (why) => (reason = why))
    await thread.start()
    await assert.rejects(thread.request({ kind: 'stats', session: 1 }), /died: out of luck/)
    assert.equal(reason, 'out of luck')
    assert.equal(thread.isUp, false)
    await assert.rejects(thread.request({ kind: 'stats', session: 1 }), MediaUnavailable)
    await thread.close()
  })

  it('rejects the start of a thread that cannot run, and does not try again by itself', async () => {
    await assert.rejects(running(`throw new Error('no luck')`).start(), /did not start: no luck/)
    await assert.rejects(
      running(
        `parentPort.postMessage([{ kind: 'unusable', reason: 'no address' }]); setInterval(() => {}, 1000)`,
      ).start(),
      /no address/,
    )
  })

  it('rejects what is still open when it is closed, and closes twice as once', async () => {
    const thread = running(`${READY} })`)
    await thread.start()
    const asked = assert.rejects(thread.request({ kind: 'stats', session: 1 }), /the relay is closed/)
    await thread.close()
    await thread.close()
    await asked
  })
})
