import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Half a millisecond to a second, close together where the promises are (added PDD p99 ≤ 20 ms). */
const SIGNALLING_SECONDS = [
  0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.0025, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.0125, 0.015, 0.0175, 0.02,
  0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1,
]
/** Microseconds to tens of milliseconds: what is decided in memory. */
const DECISION_SECONDS = [
  1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 3e-5, 5e-5, 7.5e-5, 1e-4, 1.5e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2,
]
const WAIT_SECONDS = [0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120, 180]
const TALK_SECONDS = [1, 5, 10, 30, 60, 90, 120, 300, 600, 1800, 3600, 7200]
/** Opinion scores: below 3.1 most are dissatisfied, from 4.3 nearly all are very satisfied (ITU-T G.107 annex B). */
const SCORES = [1.5, 2, 2.6, 3.1, 3.6, 4, 4.2, 4.3, 4.5]
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** What `dce_sip_overload` says. */
export const OVERLOAD_LEVELS = { open: 0, limited: 1, shut: 2 } as const

/** What `dce_spool_state` says. */
export const SPOOL_STATES = { database: 0, spooling: 1, full: 2 } as const

/** Every metric there is, in a registry of its own, so that two exchanges in one process (a test) do not meet. */
function createCatalogue(registers: Registry[]) {
  const counter = <T extends string = never>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Counter<T>({ name, help, labelNames, registers })
  const gauge = <T extends string = never>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Gauge<T>({ name, help, labelNames, registers })
  const histogram = <T extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly T[] = [],
  ) => new Histogram<T>({ name, help, buckets, labelNames, registers })
  return {
    calls: counter('dce_calls_total', 'Ended calls of identified trunks by outcome.', ['outcome']),
    refusals: counter('dce_refusals_total', 'Calls refused, by reason.', ['reason']),
    unknownSources: counter('dce_unknown_sources_total', 'INVITEs from sources that are no trunk’s.'),
    sipAuthentications: counter(
      'dce_sip_authentications_total',
      'Requests judged by password: challenged, accepted, stale, refused or malformed.',
      ['result'],
    ),
    registers: counter('dce_sip_registers_total', 'REGISTER requests by final status.', ['status']),
    registrations: gauge('dce_sip_registrations', 'Phones and browsers registered now (bindings).'),
    outsideRequests: counter(
      'dce_sip_outside_requests_total',
      'MESSAGE, SUBSCRIBE, NOTIFY and REFER outside calls by method and final status.',
      ['method', 'status'],
    ),
    subscriptions: gauge('dce_sip_subscriptions', 'Subscriptions between phones of a customer, passing through now.'),
    activeCalls: gauge('dce_active_calls', 'Calls in progress, ringing or answered.'),
    addedPdd: histogram('dce_added_pdd_seconds', 'From the INVITE in to the first INVITE out.', SIGNALLING_SECONDS),
    pdd: histogram('dce_pdd_seconds', 'From the INVITE in to the first 18x passed back.', WAIT_SECONDS),
    setup: histogram('dce_setup_seconds', 'From the INVITE in to the 200 passed back.', WAIT_SECONDS),
    duration: histogram('dce_call_duration_seconds', 'Answered time of answered calls.', TALK_SECONDS),
    legs: counter('dce_buyer_legs_total', 'INVITEs to targets by final status.', ['status']),

    probes: counter('dce_probes_total', 'OPTIONS sent to targets and trunks, by result: answered or silent.', [
      'kind',
      'result',
    ]),
    trunkRegistrations: gauge(
      'dce_trunk_registrations',
      'Outbound trunks that register, by state: registering, registered, failed.',
      ['state'],
    ),
    probedPlaces: gauge('dce_probed_places', 'Targets and trunks asked by OPTIONS, by state: up, down, unknown.', [
      'kind',
      'state',
    ]),
    trunkCalls: counter('dce_trunk_calls_total', 'Ended calls by trunk: answered, unanswered (reached), failed.', [
      'trunk',
      'result',
    ]),
    trunkInvites: counter(
      'dce_trunk_invites_total',
      'INVITEs of a trunk by the transport they came over and their final status.',
      ['trunk', 'transport', 'status'],
    ),
    trunkRequests: counter(
      'dce_trunk_requests_total',
      'Finished SIP requests of a trunk: in (its), out (ours), by method, transport and final status.',
      ['trunk', 'direction', 'method', 'transport', 'status'],
    ),
    trunkTalk: counter('dce_trunk_talk_seconds_total', 'Answered time by trunk.', ['trunk']),
    trunkAsr: gauge('dce_trunk_asr', 'Answer-seizure ratio of a trunk.', ['trunk', 'window']),
    trunkNer: gauge('dce_trunk_ner', 'Network effectiveness ratio of a trunk (ITU-T E.425).', ['trunk', 'window']),
    trunkAcd: gauge('dce_trunk_acd_seconds', 'Mean duration of a trunk’s answered calls.', ['trunk', 'window']),
    trunkPdd: gauge('dce_trunk_pdd_seconds', 'Mean post-dial delay of a trunk’s calls.', ['trunk', 'window']),
    trunkMos: histogram('dce_trunk_mos', 'Mean opinion score of what a trunk’s legs send us.', SCORES, ['trunk']),
    targetMos: histogram('dce_target_mos', 'Mean opinion score of what a target’s legs send us.', SCORES, ['target']),
    targetCalls: counter('dce_target_calls_total', 'Calls offered to a target: answered, unanswered, failed.', [
      'target',
      'result',
    ]),
    targetTalk: counter('dce_target_talk_seconds_total', 'Answered time by target.', ['target']),
    targetAsr: gauge('dce_target_asr', 'Answer-seizure ratio of a target.', ['target', 'window']),
    targetNer: gauge('dce_target_ner', 'Network effectiveness ratio of a target.', ['target', 'window']),
    targetAcd: gauge('dce_target_acd_seconds', 'Mean duration of a target’s answered calls.', ['target', 'window']),
    targetPdd: gauge('dce_target_pdd_seconds', 'Mean post-dial delay of a target.', ['target', 'window']),

    decision: histogram('dce_decision_seconds', 'Admission, screening and auction together.', DECISION_SECONDS),
    menus: counter('dce_menus_total', 'Callers asked by a menu: chosen, no_key, wrong_key, too_long or unplayable.', [
      'result',
    ]),
    auctions: counter(
      'dce_auctions_total',
      'Calls auctioned, by result: award, no_sale, or pinged (sold as its ping was answered).',
      ['result'],
    ),
    pings: counter(
      'dce_pings_total',
      'Pings by result: accepted, repeated, rejected, limited; and accepted ones that expired.',
      ['result'],
    ),
    bidderPings: counter(
      'dce_bidder_pings_total',
      'Pings to buyers’ HTTP bidders by what came of them: bid, or a reason code; the first 500 bidders by id.',
      ['bidder', 'outcome'],
    ),
    bidderSeconds: histogram(
      'dce_bidder_seconds',
      'How long pings to HTTP bidders took, given up ones included.',
      REQUEST_SECONDS,
      ['bidder'],
    ),
    bidderCircuitsOpen: gauge('dce_bidder_circuits_open', 'HTTP bidders that failed so often that they are not asked.'),
    bidderNotices: counter(
      'dce_bidder_notices_total',
      'Notices to HTTP bidders, win and loss: sent, failed, or dropped since too many were waiting.',
      ['result', 'outcome'],
    ),
    openPings: gauge('dce_open_pings', 'Accepted pings that no call has come for yet.'),
    screenings: counter('dce_screenings_total', 'Screened calls by effect and the rule that spoke.', [
      'effect',
      'rule',
    ]),
    fraudScores: counter(
      'dce_fraud_scores_total',
      'Calls scored, by what follows: allow, flag, review or block, and whether a block is enforced.',
      ['action', 'enforced'],
    ),
    fraudScoresDropped: counter('dce_fraud_scores_dropped_total', 'Scores given up unwritten: too many were waiting.'),
    fraudWatched: gauge('dce_fraud_watched', 'Callers, blocks of numbers, sellers and others that fraud watches.', [
      'subject',
    ]),
    fraudBlocks: gauge('dce_fraud_blocks', 'Timed blocks that are kept in memory.'),
    evidence: counter(
      'dce_evidence_total',
      'What screening asked outside of memory, by how it ended: answered, late, failed, full or given_up.',
      ['evidence', 'result'],
    ),
    evidenceSeconds: histogram(
      'dce_evidence_seconds',
      'How long calls waited for each, given up ones included.',
      REQUEST_SECONDS,
      ['evidence'],
    ),
    evidenceWaiting: gauge('dce_evidence_waiting', 'Calls and pings that wait for evidence now.'),
    stirVerifications: counter(
      'dce_stir_verifications_total',
      'Signatures of calls by verdict (passed, failed, none), status (RFC 8224) and attestation.',
      ['verdict', 'status', 'attestation'],
    ),
    stirSigned: counter('dce_stir_signed_total', 'Signatures of our own: shaken by attestation, and div.', [
      'ppt',
      'attestation',
    ]),
    stirFetches: counter(
      'dce_stir_fetches_total',
      'Certificates asked for: fetched, failed, or full, since too many were being fetched.',
      ['result'],
    ),
    stirCertificates: gauge('dce_stir_certificates', 'Certificates kept, and URLs that gave none.'),
    postings: counter('dce_postings_total', 'Ledger postings by kind.', ['kind']),
    trackingEvents: counter(
      'dce_tracking_events_total',
      'Reports of what became of calls, by type and whether they were taken or turned_away.',
      ['type', 'result'],
    ),
    webhookAttempts: counter(
      'dce_webhook_attempts_total',
      'Messages to webhooks: delivered, failed (tried again) or dead.',
      ['result'],
    ),
    trackingPending: gauge(
      'dce_tracking_pending',
      'Reports on the disk or on their way to it, not in the database yet.',
    ),
    conversionHolds: gauge('dce_conversion_holds', 'Holds of calls that are paid by conversion, whose window is open.'),
    holds: gauge('dce_holds', 'Holds that are neither posted nor voided.'),

    writerQueue: gauge('dce_writer_queue_records', 'Records waiting to be written.'),
    writerCommit: histogram('dce_writer_commit_seconds', 'One group commit.', REQUEST_SECONDS),
    writerRecords: counter('dce_writer_records_total', 'Records written, by place: database or spool.', ['place']),
    spoolState: gauge(
      'dce_spool_state',
      'Where records go: 0 to the database, 1 to the local spool, 2 nowhere (full).',
    ),
    databaseUp: gauge('dce_database_up', 'Whether the database answers: 1 or 0.'),
    bookChanges: counter('dce_book_changes_total', 'Changes applied to the book, by kind.', ['kind']),

    rtpSessions: gauge('dce_rtp_sessions', 'Media sessions open.'),
    mediaSessions: gauge('dce_media_sessions', 'Media sessions open, by engine.', ['engine']),
    mediaUp: gauge('dce_media_engine_up', 'Whether a media engine takes new sessions: 1 or 0.', ['engine']),
    mediaRefused: counter(
      'dce_media_sessions_refused_total',
      'Sessions an engine (or any: none was left to ask) would not take: full, down, incapable, unavailable, unacceptable.',
      ['engine', 'reason'],
    ),
    rtpPackets: counter('dce_rtp_packets_total', 'RTP packets relayed.'),
    rtpLost: counter('dce_rtp_packets_lost_total', 'RTP packets that did not arrive, of ended legs.'),
    audioFaults: counter(
      'dce_audio_faults_total',
      'Ended legs whose audio was missing or digitally silent while the other side was heard.',
      ['side', 'fault'],
    ),
    rtpTimeouts: counter('dce_rtp_timeouts_total', 'Calls ended because no audio came.'),

    sipMessages: counter(
      'dce_sip_messages_total',
      'SIP messages by direction, transport and method or status; our retransmissions apart.',
      ['direction', 'transport', 'kind'],
    ),
    sipRetransmissions: counter('dce_sip_retransmissions_total', 'SIP messages sent or received again.', ['direction']),
    sipTracedCalls: gauge('dce_sip_traced_calls', 'Call-IDs whose messages are remembered.'),
    hepMessages: counter('dce_hep_messages_total', 'SIP messages for the capture server: sent, or dropped.', [
      'result',
    ]),
    sipBanned: gauge('dce_sip_banned', 'Sources nobody listens to for now.'),
    sipBans: counter('dce_sip_bans_total', 'Bans of sources.'),
    sipRefused: counter('dce_sip_refused_total', 'SIP requests refused before anybody looked at them, by reason.', [
      'reason',
    ]),
    sipOverload: gauge('dce_sip_overload', 'New calls: 0 all are taken, 1 at a rate, 2 none.'),
    sipLateness: gauge(
      'dce_sip_application_lateness_seconds',
      'How far the application was behind when a call last came.',
    ),
    sourcesLimited: counter(
      'dce_sip_sources_limited_total',
      'Trusted sources found over a limit (counted once in ten seconds each).',
      ['limit'],
    ),
    sipDropped: counter('dce_sip_dropped_total', 'SIP messages dropped unanswered, by reason.', ['reason']),
    httpRequests: counter('dce_http_requests_total', 'API requests.', ['method', 'route', 'status']),
    httpDuration: histogram(
      'dce_http_request_seconds',
      'API requests, first byte in to last byte out.',
      REQUEST_SECONDS,
      ['route'],
    ),
    wsClients: gauge('dce_ws_clients', 'Listeners of the live feed.'),
    outboxEvents: gauge('dce_outbox_events', 'Events waiting to be published (counted every few seconds).'),
    outboxLag: gauge('dce_outbox_lag_seconds', 'How long the oldest of them has waited.'),
    outboxLeft: counter(
      'dce_outbox_left_total',
      'Events that have left the outbox: published, trimmed (over its limits) or dead_letter.',
      ['result'],
    ),
    retentionWaiting: gauge(
      'dce_retention_waiting',
      'Rows older than their class may be that are still there, counted each hour up to 10,000.',
      ['class'],
    ),
    retention: counter(
      'dce_retention_total',
      'Rows that retention has archived, deleted or changed (done), and runs that failed.',
      ['class', 'result'],
    ),
    sharedUp: gauge('dce_redis_up', 'Whether Redis is asked before an award is rung; 0 also without redis.url.'),
    sharedAwards: counter(
      'dce_redis_awards_total',
      'Awards asked of the shared counters: taken, refused; while those were away: slice (sold out of this gateway’s share), away (not sold).',
      ['result'],
    ),
    redisAnswer: histogram('dce_redis_answer_seconds', 'How long Redis took to answer.', SIGNALLING_SECONDS),
    redisFailures: counter('dce_redis_failures_total', 'Questions to Redis that were not answered in time.'),
    callNewsUntold: gauge('dce_call_news_untold', 'Calls of which other gateways are to hear and have not yet.'),
    callNewsLost: counter(
      'dce_call_news_lost_total',
      'Calls of which other gateways were not told, since Redis was away for too long.',
    ),
    redisLeases: gauge('dce_redis_leases', 'Claims on shared counters whose end these have not heard.'),
    kafkaUp: gauge('dce_kafka_up', 'Whether the last attempt to publish succeeded; 0 also without kafka.brokers.'),
    sipConnections: gauge('dce_sip_connections', 'Connections that carry SIP, by transport.', ['transport']),

    eventLoopLag: gauge('dce_event_loop_lag_seconds', 'Lag of the main thread since the last look.', ['quantile']),
    heapBytes: gauge('dce_heap_used_bytes', 'Heap in use.'),
    residentBytes: gauge('dce_resident_bytes', 'Resident size of the process.'),
    uptime: gauge('dce_uptime_seconds', 'Since the process started.'),
    cpuSeconds: gauge('dce_cpu_seconds_total', 'CPU time used by the process, all its threads.'),
  }
}

/** The metrics of a process, each a typed member, and the page that shows them. */
export type Telemetry = ReturnType<typeof createCatalogue> & {
  /** The type of the page: `text/plain; version=0.0.4; …`. */
  readonly contentType: string
  /** Asks for a call just before each page: where gauges of things counted elsewhere are set. */
  beforeRender(look: () => void | Promise<void>): void
  /** The page of `GET /metrics`, in Prometheus’ text format. */
  render(): Promise<string>
  /** Stops watching the event loop. */
  close(): void
}

/** Makes the catalogue of `dce_*` metrics. */
export function createTelemetry(): Telemetry {
  const registry = new Registry()
  const catalogue = createCatalogue([registry])
  const loop = monitorEventLoopDelay({ resolution: 10 })
  loop.enable()
  const looks: (() => void | Promise<void>)[] = []
  return {
    ...catalogue,
    contentType: registry.contentType,
    beforeRender: (look) => void looks.push(look),
    close: () => void loop.disable(),
    async render() {
      for (const look of looks) await look()
      for (const quantile of [50, 99, 100]) {
        // The monitor samples every 10 ms and counts that wait in.
        const lag = Math.max(0, loop.percentile(quantile) / 1e9 - 0.01)
        catalogue.eventLoopLag.set({ quantile: String(quantile / 100) }, lag)
      }
      loop.reset()
      const { heapUsed, rss } = process.memoryUsage()
      const { user, system } = process.cpuUsage()
      catalogue.heapBytes.set(heapUsed)
      catalogue.residentBytes.set(rss)
      catalogue.uptime.set(process.uptime())
      catalogue.cpuSeconds.set((user + system) / 1e6)
      return registry.metrics()
    },
  }
}
