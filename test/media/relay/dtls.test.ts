import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { DtlsClient, type Transport } from 'werift'
import { makeDtlsCertificate } from '../../../media/relay/dtls-certificate.ts'
import { DtlsThread } from '../../../media/relay/dtls.ts'

describe('a DTLS handshake of the relay', () => {
  it('has given its keys before our last word, after which the peer speaks', async () => {
    const ours = await makeDtlsCertificate()
    const { cert, key, fingerprint } = await makeDtlsCertificate()
    const happened: string[] = []
    const thread = new DtlsThread()
    const started = once(process, 'worker')
    const toServer: Transport = {
      type: 'udp',
      address: { address: '', family: '', port: 0 },
      closed: false,
      onData: () => {},
      send: (packet) => {
        thread.feed(id, Uint8Array.from(packet))
        return Promise.resolve()
      },
      close: () => Promise.resolve(),
    }
    const id = thread.open(
      ours,
      { algorithm: 'sha-256', value: fingerprint },
      {
        send(packet) {
          happened.push('sent')
          toServer.onData(Buffer.from(packet), ['', 0])
        },
        secured: () => void happened.push('secured'),
        failed: (reason) => void happened.push(reason),
      },
    )
    const client = new DtlsClient({
      cert,
      key,
      signatureHash: { hash: 4, signature: 3 },
      transport: toServer,
      srtpProfiles: [1],
      extendedMasterSecret: true,
    })
    await client.connect()
    await new Promise<void>((resolve) => {
      if (client.connected) resolve()
      else client.onConnect.once(() => resolve())
    })
    assert.ok(happened.includes('secured'), happened.join(', '))
    assert.equal(happened.at(-1), 'sent')
    thread.close(id)
    const [worker] = (await started) as [Worker]
    await worker.terminate()
  })
})
