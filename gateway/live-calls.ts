import type { Auction } from '../model/auction.ts'
import type { CallRecord } from '../model/cdr.ts'
import type { AuctionId, CallId } from '../model/ids.ts'
import { recordOf } from './cdr.ts'
import type { RecordWriter } from './needs.ts'
import type { Call } from './live-call.ts'
import { withLosers } from './losers.ts'
import { SlotMap } from '../model/slots.ts'

/** Calls in progress: listed, hung up, counted for the drain, and marked alive while they are answered. */
export class LiveCalls {
  readonly #calls = new SlotMap<CallId, Call>()
  #emptied: (() => void) | null = null

  get size(): number {
    return this.#calls.size
  }

  add(call: Call): void {
    this.#calls.set(call.id, call)
  }

  remove(call: Call): void {
    this.#calls.delete(call.id)
    if (this.#calls.size === 0) this.#emptied?.()
  }

  has(id: CallId): boolean {
    return this.#calls.has(id)
  }

  get(id: CallId): Call | null {
    return this.#calls.get(id) ?? null
  }

  list(): CallRecord[] {
    const records: CallRecord[] = []
    for (const call of this.#calls.values()) if (call.facts) records.push(recordOf(call))
    return records.toReversed()
  }

  find(id: CallId): CallRecord | null {
    const call = this.#calls.get(id)
    return call?.facts ? recordOf(call) : null
  }

  findAuction(id: AuctionId): Auction | null {
    for (const call of this.#calls.values()) if (call.auction?.id === id) return auctionOf(call)
    return null
  }

  findAuctionByCall(callId: CallId): Auction | null {
    const call = this.#calls.get(callId)
    return call ? auctionOf(call) : null
  }

  /** Ends a call at an operator's wish, whatever stage it is in. False when no such call is up. */
  hangUp(id: CallId): boolean {
    const call = this.#calls.get(id)
    if (!call) return false
    if (call.bridge) call.bridge.hangUp('operator_hung_up', 'operator')
    else call.abandon('operator_hung_up')
    return true
  }

  /** Whether silence is written from now on in place of what is said, or no longer. False when the call is not being recorded. */
  async pauseRecording(id: CallId, isPaused: boolean): Promise<boolean> {
    const call = this.#calls.get(id)
    if (!call?.recording) return false
    try {
      await (isPaused ? call.recording.pause() : call.recording.resume())
    } catch (error) {
      if (call.bridge?.isEnded) return false // Its audio is closed before its recording says that it has ended.
      throw error
    }
    call.note(isPaused ? 'recording paused' : 'recording resumed', '')
    return call.recording !== null
  }

  /** Ends the calls that are not answered, whose INVITEs the SIP server has refused as it lost us. */
  interrupt(): void {
    for (const call of this.#calls.values()) call.interrupt()
  }

  /** Resolves when no call is left, or after `timeoutMs`; then what is left is hung up. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#calls.size > 0) {
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        new Promise<void>((resolve) => (this.#emptied = resolve)),
        new Promise<void>((resolve) => (timer = setTimeout(resolve, timeoutMs))),
      ])
      clearTimeout(timer)
    }
    for (const call of this.#calls.values()) {
      if (call.bridge) call.bridge.hangUp('shutdown', 'exchange')
      else call.abandon('shutdown')
    }
  }

  /** Marks the answered calls alive, so that a crash bills none beyond its last mark. Returns a stop function. */
  markAliveEvery(intervalMs: number, writer: RecordWriter): () => void {
    const timer = setInterval(() => {
      const at = new Date()
      const callIds: CallId[] = []
      for (const call of this.#calls.values()) {
        if (call.state !== 'answered' || !call.isJoined) continue // Until its announcement is over nobody pays.
        call.aliveAt = at
        callIds.push(call.id)
      }
      // A mark that is not written only bills less after a crash; the writer reports its own troubles.
      if (callIds.length > 0) void writer.write({ kind: 'alive', callIds, at }).catch(() => {})
    }, intervalMs)
    timer.unref()
    return () => clearInterval(timer)
  }
}

/** Of a call that reads as ended the auction has all its losers, also while its record is still being written. */
function auctionOf(call: Call): Auction | null {
  return call.auction && call.state === 'ended' ? withLosers(call, call.auction) : call.auction
}
