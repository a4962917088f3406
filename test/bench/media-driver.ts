import { createSocket, type Socket } from 'node:dgram'
import { parentPort, workerData } from 'node:worker_threads'
import assert from 'node:assert/strict'
import { rtp } from '../media/relay/rtp-party.ts'

/** The phones of the media benchmark, in a thread of their own so that their work is not counted as the relay's. */

export interface DriverData {
  readonly phones: number
  readonly packetsPerSecond: number
}

export type ToDriver =
  /** Send to these ports (one a phone) for so long; `answersTo[i]` is the phone that should hear phone i. */
  { readonly kind: 'run'; readonly ports: readonly number[]; readonly seconds: number } | { readonly kind: 'end' }

export interface DriverReport {
  readonly sent: number
  readonly received: number
  /** Sending phone's clock to receiving phone's callback, microseconds, sorted. */
  readonly latencyUs: Float64Array
}

/** Packets still on their way when the sending stops. */
const DRAIN_MS = 300

assert(parentPort !== null, 'media-driver.ts runs as a worker thread')
const main = parentPort
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- media.ts, the only one to start us, gives it this type.
const { phones, packetsPerSecond } = workerData as DriverData
const sockets: Socket[] = []
let latencies: number[] = []
let received = 0

for (let i = 0; i < phones; i++) {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, found) => found(null, host, 4) })
  // With a look-up that answers at once, binding is done when bind returns.
  socket.bind(0, '127.0.0.1')
  socket.on('message', (packet) => {
    received++
    latencies.push((performance.now() - packet.readDoubleBE(12)) * 1000)
  })
  sockets.push(socket)
}
main.on('message', (message: ToDriver) => {
  if (message.kind === 'run') void run(message.ports, message.seconds)
  else main.close()
  if (message.kind === 'end') for (const socket of sockets) socket.close()
})
tell(sockets.map((socket) => socket.address().port))

async function run(ports: readonly number[], seconds: number): Promise<void> {
  latencies = []
  received = 0
  let sent = 0
  const total = Math.round(phones * packetsPerSecond * seconds)
  const startMs = performance.now()
  while (sent < total) {
    // Evenly spread: each turn sends what is due by now, phone after phone.
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1000) * phones * packetsPerSecond))
    for (; sent < due; sent++) send(sent % phones, ports, Math.floor(sent / phones))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await new Promise((resolve) => setTimeout(resolve, DRAIN_MS))
  const report: DriverReport = { sent, received, latencyUs: Float64Array.from(latencies).toSorted() }
  tell(report)
}

function send(phone: number, ports: readonly number[], round: number): void {
  const packet = rtp({ sequence: round, ssrc: phone })
  packet.writeDoubleBE(performance.now(), 12)
  sockets[phone]!.send(packet, ports[phone], '127.0.0.1')
}

function tell(message: DriverReport | number[]): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread, not a window.
  main.postMessage(message)
}
