import assert from 'node:assert/strict'
import { MediaUnavailable } from '../../../media/media-server.ts'
import { TapThread, type Tapped } from '../../../media/rtpengine/tap-thread.ts'
import { logged, needs } from '../relay/relayed-call.ts'

/** A thread that does what a test wants, once it has been told to listen. */
function thread(work: string): TapThread {
  const listening = `(message) => { if (message.kind === 'listen') { ${work} } }`
  const code = `import { parentPort } from 'node:worker_threads'\nparentPort.on('message', ${listening})`
  return new TapThread(needs, new URL(`data:text/javascript,${encodeURIComponent(code)}`))
}

/** What a call is told. */
function tapped(): Tapped & { readonly lostWhy: string[] } {
  const lostWhy: string[] = []
  return { lostWhy, told() {}, lost: (reason) => void lostWhy.push(reason), whenIdle: (told) => told() }
}

describe('the thread that listens to copies of calls', () => {
  it('opens one port an address, and another after it has died, which its calls are told', async () => {
    const taps = new TapThread(needs)
    const port = await taps.listen('127.0.0.1')
    assert.equal(await taps.listen('127.0.0.1'), port)
    await taps.close()
    await assert.rejects(taps.listen('127.0.0.1'), MediaUnavailable)
    const mortal = thread(`
      parentPort.postMessage({ kind: 'listening', address: message.address, port: 4000 })
      setTimeout(() => { throw new Error('a fault') }, 50)`)
    const call = tapped()
    mortal.add(call)
    assert.equal(await mortal.listen('127.0.0.1'), 4000)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.deepEqual(call.lostWhy, ['the thread that listens to calls died: a fault'])
    assert.ok(logged.some((message) => message.startsWith('the thread that listens to calls died')))
    assert.equal(await mortal.listen('127.0.0.1'), 4000, 'it is started anew')
    await mortal.close()
  })

  it('says why there can be no copies', async () => {
    const taps = new TapThread(needs)
    await assert.rejects(taps.listen('192.0.2.1'), /no copies of calls: bind EADDRNOTAVAIL/)
    await assert.rejects(taps.listen('192.0.2.1'), /EADDRNOTAVAIL/, 'again, when it is asked again')
    await taps.close()
    const dead = thread('process.exit()')
    await assert.rejects(dead.listen('127.0.0.1'), /the thread that listens to calls died/)
    await dead.close()
  })

  it('does not wait for ever for recordings when it is closed', async function () {
    this.timeout(90_000)
    const taps = new TapThread(needs)
    await taps.listen('127.0.0.1')
    taps.add({ ...tapped(), whenIdle() {} })
    const startMs = performance.now()
    await taps.close()
    assert.ok(performance.now() - startMs < 15_000)
  })
})
