import type { EnginePool } from '../../media/engine-pool.ts'
import type { Probes } from '../reachability/probes.ts'
import type { TrunkRegistrations } from '../reachability/trunk-registrations.ts'
import { OVERLOAD_LEVELS, SPOOL_STATES, type Telemetry } from '../../config/telemetry.ts'
import type { SipServerHandle, SipServerStats } from '../sip-server/start.ts'
import type { RetentionFigure } from '../../model/privacy.ts'
import type { OutboxFigures } from '../../model/outbox-figures.ts'
import type { CallQuality, QualityTable } from '../quality/call-quality.ts'
import { showQuality } from '../quality/quality-metrics.ts'

/** What the metrics page asks about at the moment it is drawn. */
export interface Watched {
  readonly liveCalls: { readonly size: number }
  readonly registrar: { readonly size: number }
  readonly subscriptions: { readonly size: number }
  readonly media: EnginePool
  readonly storage: {
    readonly writer: { pending(): number; state(): keyof typeof SPOOL_STATES }
    readonly outbox: { readonly figures: OutboxFigures }
    readonly privacy: { readonly retention: { readonly figures: readonly RetentionFigure[] } }
  }
  readonly balances: { readonly holdCount: number }
  readonly conversions: { readonly holdCount: number }
  readonly intake: { readonly pending: number }
  /** Null where this process counts alone. */
  readonly sharing: { readonly leaseCount: number } | null
  readonly pings: { readonly openCount: number }
  readonly bidders: { readonly openCircuits: number }
  readonly probes: Pick<Probes, 'counts'>
  readonly registrations: Pick<TrunkRegistrations, 'counts'>
  readonly api: { readonly feedClients: number }
  readonly quality: CallQuality
  readonly now: () => number
  /** Null when the SIP server is not ours: drachtio-server has metrics of its own. */
  readonly sipServer: SipServerHandle | null
}

/** Keeps the gauges of things that are counted elsewhere: they are set just before each page. */
export function watch(telemetry: Telemetry, watched: Watched): void {
  telemetry.beforeRender(async () => {
    const state = watched.storage.writer.state()
    telemetry.activeCalls.set(watched.liveCalls.size)
    telemetry.registrations.set(watched.registrar.size)
    telemetry.subscriptions.set(watched.subscriptions.size)
    telemetry.rtpSessions.set(watched.media.sessionCount)
    for (const { name: engine, isUp, sessionCount } of watched.media.engines) {
      telemetry.mediaSessions.set({ engine }, sessionCount)
      telemetry.mediaUp.set({ engine }, isUp ? 1 : 0)
    }
    telemetry.writerQueue.set(watched.storage.writer.pending())
    telemetry.spoolState.set(SPOOL_STATES[state])
    telemetry.databaseUp.set(state === 'database' ? 1 : 0)
    telemetry.openPings.set(watched.pings.openCount)
    telemetry.bidderCircuitsOpen.set(watched.bidders.openCircuits)
    showOutbox(telemetry, watched.storage.outbox.figures)
    showRetention(telemetry, watched.storage.privacy.retention.figures)
    telemetry.redisLeases.set(watched.sharing?.leaseCount ?? 0)
    telemetry.holds.set(watched.balances.holdCount)
    telemetry.conversionHolds.set(watched.conversions.holdCount)
    telemetry.trackingPending.set(watched.intake.pending)
    telemetry.wsClients.set(watched.api.feedClients)
    for (const [registration, count] of Object.entries(watched.registrations.counts()))
      telemetry.trunkRegistrations.set({ state: registration }, count)
    for (const kind of ['target', 'trunk'] as const) {
      for (const [reach, count] of Object.entries(watched.probes.counts(kind)))
        telemetry.probedPlaces.set({ kind, state: reach }, count)
    }
    showQuality(telemetry, watched.quality, watched.now())
    if (watched.sipServer) await showSip(telemetry, watched.sipServer, watched.quality.trunks)
  })
}

function showRetention(telemetry: Telemetry, figures: readonly RetentionFigure[]): void {
  for (const { class: of, waiting, done, failures } of figures) {
    if (waiting !== null) telemetry.retentionWaiting.set({ class: of }, waiting)
    for (const [result, count] of [
      ['done', done],
      ['failed', failures],
    ] as const) {
      telemetry.retention.remove({ class: of, result })
      telemetry.retention.inc({ class: of, result }, count)
    }
  }
}

function showOutbox(telemetry: Telemetry, figures: OutboxFigures): void {
  telemetry.outboxEvents.set(figures.events)
  telemetry.outboxLag.set(figures.ageSeconds)
  telemetry.kafkaUp.set(figures.isUp ? 1 : 0)
  for (const result of ['published', 'trimmed', 'deadLetters'] as const) {
    const label = { result: result === 'deadLetters' ? 'dead_letter' : result }
    telemetry.outboxLeft.remove(label)
    telemetry.outboxLeft.inc(label, figures[result])
  }
}

/** The SIP server counts on its own thread and answers with totals; a page shows them as they are. */
async function showSip(telemetry: Telemetry, server: SipServerHandle, trunks: QualityTable): Promise<void> {
  const stats = await server.stats().catch(() => null)
  if (!stats) return
  telemetry.sipMessages.reset()
  telemetry.sipRetransmissions.reset()
  telemetry.trunkRequests.reset()
  telemetry.sipDropped.reset()
  telemetry.hepMessages.reset()
  for (const { direction, transport, kind, count } of stats.messages)
    telemetry.sipMessages.inc({ direction, transport, kind }, count)
  for (const { party, direction, method, transport, status, count } of stats.parties)
    telemetry.trunkRequests.inc({ trunk: trunks.labelOf(party), direction, method, transport, status }, count)
  telemetry.sipRetransmissions.inc({ direction: 'in' }, stats.retransmissionsReceived)
  telemetry.sipRetransmissions.inc({ direction: 'out' }, stats.retransmissionsSent)
  telemetry.sipTracedCalls.set(stats.tracedCalls ?? 0)
  if (stats.hep) for (const [result, count] of Object.entries(stats.hep)) telemetry.hepMessages.inc({ result }, count)
  for (const [transport, count] of Object.entries(stats.connections)) telemetry.sipConnections.set({ transport }, count)
  telemetry.sipDropped.inc({ reason: 'unreadable' }, stats.parseFailures)
  telemetry.sipDropped.inc({ reason: 'belongs_to_nothing' }, stats.dropped)
  telemetry.sipDropped.inc({ reason: 'over_limit' }, stats.overLimit)
  telemetry.sipRefused.reset()
  if (stats.guard) showGuard(telemetry, stats.guard)
  if (stats.overload) {
    telemetry.sipOverload.set(OVERLOAD_LEVELS[stats.overload.level])
    telemetry.sipLateness.set(stats.overload.lateMs / 1000)
    telemetry.sipRefused.inc({ reason: 'overload' }, stats.overload.refused)
  }
}

function showGuard(telemetry: Telemetry, guard: NonNullable<SipServerStats['guard']>): void {
  telemetry.sipBanned.set(guard.banned)
  telemetry.sipBans.reset()
  telemetry.sipBans.inc(guard.bansTotal)
  telemetry.sipDropped.inc({ reason: 'banned' }, guard.droppedBanned)
  telemetry.sipDropped.inc({ reason: 'flood' }, guard.droppedFlood)
  telemetry.sipDropped.inc({ reason: 'malformed_flood' }, guard.droppedMalformed)
  telemetry.sipDropped.inc({ reason: 'scanner' }, guard.droppedScanner)
  telemetry.sipDropped.inc({ reason: 'unknown_source' }, guard.droppedUnknown)
  telemetry.sipRefused.inc({ reason: 'flood' }, guard.refusedFlood)
}
