import { createRelay } from '../../../media/relay/relay.ts'
import { encode } from '../../../media/relay/g711.ts'
import { connect, needs } from './relayed-call.ts'
import { rtp, RtpParty } from './rtp-party.ts'

/** A process of its own that records a call in which the caller whistles, until somebody kills it: `FOLDER KEY`. */
const [folder, key] = process.argv.slice(2)
const relay = await createRelay(needs, {
  address: '127.0.0.1',
  portRange: { from: 21_200, to: 21_299 },
  recordings: { folder: folder!, keys: [{ id: 'k1', key: Buffer.from(key!, 'hex') }] },
})
const [caller, buyer] = [await RtpParty.open(), await RtpParty.open()]
const call = await connect(relay, { caller, buyer })
await call.session.tools!.record({ name: 'killed', maxMs: 60_000 })
process.send!(Date.now())
let sequence = 0
const startMs = performance.now()
setInterval(() => {
  for (; sequence * 20 < performance.now() - startMs; sequence++) {
    const body = Uint8Array.from({ length: 160 }, (_, i) =>
      encode('u', 9000 * Math.sin((2 * Math.PI * 1000 * (i + 160 * sequence)) / 8000)),
    )
    caller.send(Buffer.concat([rtp({ sequence, size: 12 }), body]), call.callerSide)
  }
}, 5)
