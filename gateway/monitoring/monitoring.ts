import { MediaUnavailable } from '../../media/media-server.ts'
import type { Monitor } from '../../media/monitor.ts'
import {
  MonitorRefused,
  type CallMonitor,
  type MonitorAsker,
  type MonitorMode,
  type MonitorNote,
  type OpenMonitoring,
} from '../../model/call-monitor.ts'
import { newId, type CallId, type MonitorId } from '../../model/ids.ts'
import type { Bridge } from '../bridge.ts'
import type { LiveCalls } from '../live-calls.ts'
import type { Call } from '../live-call.ts'
import { Supervision, type SupervisionOptions } from './supervision.ts'
import { supervisorAt, type SupervisorParts } from './supervisor.ts'

/** So many monitor one call at a time; FreeSWITCH has no more either. */
export const MOST_MONITORS = 3
/** Of one call so many are listed, those that are over leaving first. */
const MOST_LISTED = 20

type Parts = SupervisorParts &
  Pick<SupervisionOptions, 'signaling' | 'store' | 'clock' | 'log'> & { readonly liveCalls: Pick<LiveCalls, 'get'> }

/** The supervisors of one call, the oldest first. */
interface Monitored {
  supervisions: readonly Supervision[]
  /** Those the engine is still making room for. */
  toCome: number
}

/** Supervisors at calls that are up: each start, change and end of theirs is written down. */
export class Monitoring {
  readonly #parts: Parts
  readonly #ofCall = new Map<CallId, Monitored>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  of(callId: CallId): CallMonitor[] {
    return this.#ofCall.get(callId)?.supervisions.map(({ view }) => view) ?? []
  }

  /** Has a supervisor called to a call. Throws MonitorRefused, or BadSupervisor. */
  async start(callId: CallId, to: string, mode: MonitorMode, by: MonitorAsker): Promise<CallMonitor> {
    const { call, bridge } = this.#callUp(callId)
    const monitorOf = call.media?.monitor?.bind(call.media)
    if (!monitorOf) {
      const engine = call.engine?.name ?? 'its engine'
      throw new MonitorRefused('cannot_monitor', `${engine} moves the call’s audio, and lets nobody listen`)
    }
    const supervisor = supervisorAt(to, by, this.#parts)
    const monitored = this.#monitored(callId, bridge)
    if (monitored.toCome + monitored.supervisions.filter(({ isOver }) => !isOver).length >= MOST_MONITORS)
      throw new MonitorRefused('too_many_monitors', `${MOST_MONITORS} monitor this call already`)
    monitored.toCome++
    try {
      const id = newId<MonitorId>()
      const startedAt = this.#now()
      const note = { monitorId: id, callId, mode, to, dialog: null }
      // Before anybody is called: what nobody could write down nobody hears.
      await this.#parts.store.note({ ...note, at: startedAt, event: 'started', reason: null, by })
      const monitor = await this.#openAt(bridge, () => monitorOf(mode), note)
      const { signaling, store, clock, log } = this.#parts
      const rest = { signaling, store, clock, log }
      const supervision = new Supervision({ id, callId, bridge, to, supervisor, mode, by, monitor, startedAt, ...rest })
      monitored.supervisions = listed([...monitored.supervisions, supervision])
      return supervision.view
    } finally {
      monitored.toCome--
    }
  }

  /** Null: the call has no such monitor. Throws MonitorRefused when that one is over. */
  async change(callId: CallId, id: MonitorId, mode: MonitorMode, by: MonitorAsker): Promise<CallMonitor | null> {
    const supervision = this.#find(callId, id)
    await supervision?.change(mode, by)
    return supervision?.view ?? null
  }

  /** Resolves once it has ended, then or before; false: the call has no such monitor. */
  async end(callId: CallId, id: MonitorId, by: MonitorAsker): Promise<boolean> {
    const supervision = this.#find(callId, id)
    supervision?.end('closed', by)
    await supervision?.done
    return supervision !== null
  }

  /** What the last process left: it is over, and whoever had joined is owed a BYE. */
  async closeInterrupted(): Promise<readonly OpenMonitoring[]> {
    const { store, log } = this.#parts
    const open = await store.withoutEnd()
    for (const { monitorId, callId, mode, to } of open)
      await store.note(endOf({ monitorId, callId, mode, to, dialog: null }, this.#now(), 'interrupted'))
    if (open.length > 0) log.warn({ monitorings: open.length }, 'the last run left monitorings without an end')
    return open
  }

  /** Ends them all, and resolves when that has been written down. */
  async close(): Promise<void> {
    const all = [...this.#ofCall.values()].flatMap(({ supervisions }) => supervisions)
    for (const supervision of all) supervision.end('shutdown')
    await Promise.all(all.map(({ done }) => done))
  }

  #callUp(callId: CallId): { call: Call; bridge: Bridge } {
    const call = this.#parts.liveCalls.get(callId)
    const bridge = call?.bridge
    if (!call || !bridge || bridge.isEnded) throw new MonitorRefused('call_not_up', 'the call is not up')
    // An announcement is being played to it, say.
    if (!call.isJoined) throw new MonitorRefused('call_not_up', 'its sides do not hear each other yet')
    return { call, bridge }
  }

  #monitored(callId: CallId, bridge: Bridge): Monitored {
    let monitored = this.#ofCall.get(callId)
    if (!monitored) {
      monitored = { supervisions: [], toCome: 0 }
      this.#ofCall.set(callId, monitored)
      void bridge.ended.then(() => this.#forget(callId))
    }
    return monitored
  }

  /** Not before the ends have been written down: `close` waits for those it knows. */
  async #forget(callId: CallId): Promise<void> {
    await Promise.all((this.#ofCall.get(callId)?.supervisions ?? []).map(({ done }) => done))
    this.#ofCall.delete(callId)
  }

  async #openAt(bridge: Bridge, open: () => Promise<Monitor>, note: EndedNote): Promise<Monitor> {
    const { store, log } = this.#parts
    try {
      if (bridge.isEnded) throw new MediaUnavailable('the call has ended')
      const monitor = await open()
      if (!bridge.isEnded) return monitor
      await monitor.close()
      throw new MediaUnavailable('the call has ended')
    } catch (error) {
      const { message } = error as Error
      const { callId } = note
      await store.note(endOf(note, this.#now(), bridge.isEnded ? 'call_ended' : message)).catch((unwritten: Error) => {
        log.warn({ callId, reason: unwritten.message }, 'the end of a monitoring could not be written down')
      })
      if (!(error instanceof MediaUnavailable)) throw error
      throw new MonitorRefused(bridge.isEnded ? 'call_not_up' : 'media_unavailable', message)
    }
  }

  #find(callId: CallId, id: MonitorId): Supervision | null {
    return this.#ofCall.get(callId)?.supervisions.find(({ view }) => view.id === id) ?? null
  }

  #now(): Date {
    return new Date(this.#parts.clock.now())
  }
}

type EndedNote = Pick<MonitorNote, 'monitorId' | 'callId' | 'mode' | 'to' | 'dialog'>

function endOf(note: EndedNote, at: Date, reason: string): MonitorNote {
  return { ...note, at, event: 'ended', reason, by: null }
}

function listed(all: readonly Supervision[]): readonly Supervision[] {
  if (all.length <= MOST_LISTED) return all
  const oldest = all.find(({ isOver }) => isOver)
  return all.filter((each) => each !== oldest)
}
