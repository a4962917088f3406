import { setTimeout as sleep } from 'node:timers/promises'
import { Phone, type PhoneKind } from './media-phone.ts'

/** The phones of the media benchmark, in a process of their own so that their work is not counted as the engine's. */

export type ToDriver =
  /** Opens phones for so many calls, and forgets those before; replies with their descriptions, two a call. */
  | { readonly kind: 'open'; readonly calls: number; readonly caller: PhoneKind; readonly buyer: PhoneKind }
  /** What each phone was told; null: they are to send straight to each other. */
  | { readonly kind: 'meet'; readonly told: readonly string[] | null }
  | { readonly kind: 'talk'; readonly seconds: number }

export interface DriverReport {
  readonly sent: number
  readonly received: number
  readonly wrong: number
  /** Sending phone's clock to receiving phone's callback, of each packet. */
  readonly latencyMs: Float64Array
  /** How many of them there were at the end of each second. */
  readonly seconds: readonly number[]
  /** How long the sending took; longer than it should where the phones could not keep up. */
  readonly tookMs: number
}

const PACKETS_PER_SECOND = 50
/** Packets still on their way when the sending stops. */
const DRAIN_MS = 300
/** Handshakes at once: more would wait for each other's sums. */
const AT_ONCE = 8

let phones: Phone[] = []
let latencies = new Float64Array(0)
let measured = 0

process.on('message', (message: ToDriver) => {
  void obey(message).then((reply) => process.send!(reply))
})
process.on('disconnect', () => process.exit())

async function obey(message: ToDriver): Promise<string[] | DriverReport | 'met'> {
  switch (message.kind) {
    case 'open':
      return open(message.calls, message.caller, message.buyer)
    case 'meet':
      await meet(message.told)
      return 'met'
    case 'talk':
      return talk(message.seconds)
  }
}

async function open(calls: number, caller: PhoneKind, buyer: PhoneKind): Promise<string[]> {
  for (const phone of phones) phone.close()
  phones = []
  for (let i = 0; i < 2 * calls; i++) phones.push(await Phone.open(i % 2 === 0 ? caller : buyer))
  for (const [i, phone] of phones.entries())
    phone.listen(phones[i ^ 1]!, (ms) => {
      if (measured < latencies.length) latencies[measured++] = ms
    })
  return phones.map((phone) => phone.describe())
}

async function meet(told: readonly string[] | null): Promise<void> {
  for (let i = 0; i < phones.length; i += AT_ONCE) {
    const some = phones.slice(i, i + AT_ONCE)
    if (told) await Promise.all(some.map((phone, j) => phone.meet(told[i + j]!)))
    else for (const [j, phone] of some.entries()) phone.meetDirectly(phones[(i + j) ^ 1]!.port)
  }
}

async function talk(seconds: number): Promise<DriverReport> {
  const rate = phones.length * PACKETS_PER_SECOND
  const total = rate * seconds
  latencies = new Float64Array(total)
  measured = 0
  const before = { heard: count('heard'), wrong: count('wrong') }
  const ends: number[] = []
  const startMs = performance.now()
  for (let sent = 0; sent < total;) {
    // Evenly spread: each turn sends what is due by now, phone after phone.
    const passed = (performance.now() - startMs) / 1000
    if (passed >= ends.length + 1) ends.push(measured)
    const due = Math.min(total, Math.floor(passed * rate))
    for (; sent < due; sent++) phones[sent % phones.length]!.send()
    await sleep(1)
  }
  const tookMs = performance.now() - startMs
  await sleep(DRAIN_MS)
  ends[seconds - 1] = measured
  return {
    sent: total,
    received: count('heard') - before.heard,
    wrong: count('wrong') - before.wrong,
    latencyMs: latencies.subarray(0, measured),
    seconds: ends.slice(0, seconds),
    tookMs,
  }
}

function count(what: 'heard' | 'wrong'): number {
  return phones.reduce((sum, phone) => sum + phone[what], 0)
}
