import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import type { MediaSession } from '../../media/media-server.ts'
import { newId, type CallId } from '../../model/ids.ts'
import { keepOn } from './cores.ts'
import type { DriverReport, ToDriver } from './media-driver.ts'
import type { BenchedEngine } from './media-engines.ts'
import type { PhoneKind } from './media-phone.ts'

/** A relay thread keeps one busy; a second one where there are cores for it. */
const DRIVER_PROCESSES = Math.min(2, Math.max(1, availableParallelism() - 1))

/** What both ends of the calls speak. */
export interface CallKind {
  readonly caller: PhoneKind
  readonly buyer: PhoneKind
}

/** How long a call's media took, µs. */
export interface SetupTimes {
  /** From createSession to the offer to the buyer: what an INVITE waits for. */
  readonly offerUs: number
  /** Until the answer to the caller, the buyer's time left out. */
  readonly answerUs: number
}

/** Calls that are up, and how long each took. */
export interface OpenCalls {
  readonly sessions: readonly MediaSession[]
  readonly setups: readonly SetupTimes[]
}

/** What the phones sent and heard. */
export interface Talk {
  readonly sent: number
  readonly received: number
  readonly wrong: number
  /** Microseconds from phone to phone; reckoned when asked, for the relay may be in this process, and its CPU time is read first. */
  latencyUs(share: number): number
  /** The same in the second where it was shortest: a machine that others use, too, has quiet ones. */
  quietLatencyUs(share: number): number
  /** A call's are 100, unless the phones could not keep up. */
  readonly packetsPerSecond: number
}

/** Processes with phones, a part of the calls in each: one alone cannot keep up with what a relay thread passes on. */
export class Driver {
  readonly #parts = Array.from({ length: DRIVER_PROCESSES }, () => new DriverProcess())

  /** Descriptions of the phones, two a call. */
  async openPhones(calls: number, { caller, buyer }: CallKind): Promise<string[]> {
    assert(calls % DRIVER_PROCESSES === 0)
    const each = calls / DRIVER_PROCESSES
    const parts = this.#parts.map((part) => part.ask<string[]>({ kind: 'open', calls: each, caller, buyer }))
    return (await Promise.all(parts)).flat()
  }

  /** Null: they send straight to each other. */
  async meet(told: readonly string[] | null): Promise<void> {
    const each = (told?.length ?? 0) / DRIVER_PROCESSES
    const share = (i: number): readonly string[] | null => told && told.slice(i * each, (i + 1) * each)
    await Promise.all(this.#parts.map((part, i) => part.ask<'met'>({ kind: 'meet', told: share(i) })))
  }

  async talk(seconds: number): Promise<Talk> {
    const reports = await Promise.all(this.#parts.map((part) => part.ask<DriverReport>({ kind: 'talk', seconds })))
    const sum = (what: 'sent' | 'received' | 'wrong'): number =>
      reports.reduce((total, report) => total + report[what], 0)
    const tookMs = Math.max(...reports.map((report) => report.tookMs))
    const inSecond = (second: number): Float64Array[] =>
      reports.map(({ latencyMs, seconds: ends }) => latencyMs.subarray(ends[second - 1] ?? 0, ends[second]))
    return {
      sent: sum('sent'),
      received: sum('received'),
      wrong: sum('wrong'),
      latencyUs(share) {
        return quantileUs(
          reports.map(({ latencyMs }) => latencyMs),
          share,
        )
      },
      quietLatencyUs(share) {
        return Math.min(...Array.from({ length: seconds }, (_, second) => quantileUs(inSecond(second), share)))
      },
      packetsPerSecond: (sum('sent') / tookMs) * 1000,
    }
  }

  /** On which cores the phones run. */
  keepOn(cores: string): void {
    for (const part of this.#parts) keepOn(cores, part.pid)
  }

  close(): void {
    for (const part of this.#parts) part.close()
  }
}

function quantileUs(parts: readonly Float64Array[], share: number): number {
  const all = Float64Array.from(parts.flatMap((part) => Array.from(part))).toSorted()
  return (all[Math.floor(all.length * share)] ?? NaN) * 1000
}

class DriverProcess {
  readonly #child: ChildProcess = fork(new URL('./media-driver.ts', import.meta.url), { serialization: 'advanced' })

  get pid(): number {
    return this.#child.pid!
  }

  /** One thing at a time: the next message is the answer, whose type the question tells. */
  ask<T>(message: ToDriver): Promise<T> {
    const child = this.#child
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the phones' process ended with ${code}`))
      child.once('exit', ended)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As media-driver.ts answers.
      child.once('message', (reply) => (child.off('exit', ended), resolve(reply as T)))
      child.send(message)
    })
  }

  close(): void {
    this.#child.disconnect()
  }
}

/** So many calls from a driver's phones through an engine, one after another. */
export async function openCalls(
  { server }: BenchedEngine,
  driver: Driver,
  calls: number,
  kind: CallKind,
): Promise<OpenCalls> {
  const phones = await driver.openPhones(calls, kind)
  const sessions: MediaSession[] = []
  const told: string[] = []
  const setups: SetupTimes[] = []
  for (let i = 0; i < phones.length; i += 2) {
    const { session, offer, answer, ...took } = await openCall(server, phones[i]!, phones[i + 1]!)
    setups.push(took)
    sessions.push(session)
    told.push(answer, offer)
  }
  await driver.meet(told)
  return { sessions, setups }
}

export async function openCall(
  server: BenchedEngine['server'],
  callerOffer: string,
  buyerAnswer: string,
): Promise<SetupTimes & { session: MediaSession; offer: string; answer: string }> {
  const startMs = performance.now()
  const session = await server.createSession({ callId: newId<CallId>(), callerOffer })
  const offer = await session.offerToBuyer(null)
  const offeredMs = performance.now()
  const answer = await session.answerFromBuyer(buyerAnswer)
  const answeredMs = performance.now()
  return { session, offer, answer, offerUs: (offeredMs - startMs) * 1000, answerUs: (answeredMs - startMs) * 1000 }
}

export async function closeCalls({ sessions }: OpenCalls): Promise<void> {
  for (const session of sessions) await session.close()
}
