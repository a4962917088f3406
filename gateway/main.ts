import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as credentials from '../accounts/credentials.ts'
import { createBalances } from '../accounts/holds.ts'
import { createApi } from '../api/server.ts'
import { goOnPaying } from '../api/payout-terms.ts'
import { loadOrCreate } from '../api/signing-keys.ts'
import { loadPlaces } from '../config/reference-data.ts'
import { notAvailable } from '../config/settings.ts'
import { createTelemetry } from '../config/telemetry.ts'
import { EnginePool } from '../media/engine-pool.ts'
import { startEngines } from '../media/engines.ts'
import type { BookChange } from '../model/book.ts'
import { systemClock } from '../model/clock.ts'
import { PROGRESS_EVENTS } from '../model/events.ts'
import { newId } from '../model/ids.ts'
import { systemRandom } from '../model/random.ts'
import { createRouting } from '../routing/route-call.ts'
import { createEventBus } from '../storage/event-bus.ts'
import { EXTERNAL_ACCOUNT_ID, OPERATOR_ACCOUNT_ID, PAYOUT_CLEARING_ACCOUNT_ID } from '../storage/house-accounts.ts'
import { CallStream } from '../storage/redis/call-stream.ts'
import { RedisDncAnswers } from '../storage/redis/dnc-answers.ts'
import { RedisCounters } from '../storage/redis/redis-counters.ts'
import { openStorage } from '../storage/storage.ts'
import { publicAddresses } from './start/addresses.ts'
import { mediaOptions } from './start/media-options.ts'
import { keepAudit } from './start/audit.ts'
import { bindingLimits, outboxOptions, privacyOptions } from './start/part-options.ts'
import { payoutOptions, stripeOptions } from './start/payment-settings.ts'
import { mediaSip } from './start/media-sip.ts'
import { Announcements, type KeptEvents } from './announcements.ts'
import { apiParts } from './start/api-parts.ts'
import { callPolicies } from './call-policies.ts'
import { CallQuality } from './quality/call-quality.ts'
import { Directory } from './directory.ts'
import { createExchange } from './exchange.ts'
import { createBidders } from './start/bidders.ts'
import { ensureFirstAdmin } from './start/first-admin.ts'
import { createHealth } from './start/health.ts'
import { startErrands } from './start/errands.ts'
import { LiveCalls } from './live-calls.ts'
import { MenuPlaces } from './menu/menu-places.ts'
import { serveOutsideCalls, START_RETRY_AFTER_S } from './outside-calls/outside-calls.ts'
import { Monitoring } from './monitoring/monitoring.ts'
import { OwnHosts } from './start/own-hosts.ts'
import { OwnDialogs } from './transfers/own-dialogs.ts'
import type { ExchangeParts } from './parts.ts'
import { pingHost } from './pings/ping-host.ts'
import { Pings } from './pings/pings.ts'
import { createReachability } from './reachability/reachability.ts'
import { createRecordingShelf } from './start/recording-settings.ts'
import { restoreFunds, restoreHistory } from './start/restore.ts'
import { closeLeftOpen } from './start/close-left-open.ts'
import { createScreening } from './start/screening.ts'
import { OwnReservations } from './reserving/reserve.ts'
import type { SharedReservations } from './reserving/shared-reservations.ts'
import { callNewsOptions, createSharing, redisOptions, toldTo, waitForSharing } from './start/sharing.ts'
import { RefusalCounter } from './refusal-counter.ts'
import { Registrar } from './registrar/registrar.ts'
import { RegistrationWriter } from './registrar/registration-writer.ts'
import { systemSchedule } from './start/schedule.ts'
import { createSipIdentity } from './start/sip-identity.ts'
import { SipGuard } from './identity/sip-guard.ts'
import { Signaling } from './srf.ts'
import { startEmbeddedSip } from './start/embedded-sip.ts'
import type { RunningExchange, StartOptions } from './start/running-exchange.ts'
import { takeCall } from './take-call.ts'
import { SteadyTime } from './start/steady-time.ts'
import { Trunks } from './identity/trunks.ts'
import { watch } from './start/watch.ts'
import { Aftermath } from './start/aftermath.ts'

/** How often answered calls are marked alive: what a crash may bill too little. */
const ALIVE_EVERY_MS = 5000

/** How long the SIP server may take to accept us. */
const SIP_CONNECT_MS = 10_000

export type { RunningExchange, StartOptions }

/**
 * Builds every part, in the order they depend on one another, and starts taking calls. This is the one file that may
 * import anything; from here a call goes to gateway/call.ts.
 */
export async function startExchange({ settings, log, demoLogin, onFatal }: StartOptions): Promise<RunningExchange> {
  const { logger } = log
  const clock = systemClock
  const telemetry = createTelemetry()
  for (const part of notAvailable(settings)) logger.warn({ setting: part }, 'not available')
  const mediaSettings = mediaOptions(settings) // Refused before anything is started.
  const stripe = stripeOptions(settings)
  const payoutParts = { ...payoutOptions(settings), clearingId: PAYOUT_CLEARING_ACCOUNT_ID }
  const redis = redisOptions(settings, logger, telemetry)
  mkdirSync(settings.dataDir, { recursive: true })

  // The book: everything a decision reads, in memory.
  const places = loadPlaces()
  const balances = createBalances({ clock, newId })
  const { probes, registrations } = createReachability({
    settings,
    log: logger,
    telemetry,
    clock,
    random: systemRandom,
    schedule: systemSchedule,
    signaling: () => signaling,
    registrar: () => registrar,
    announcements: () => announcements,
  })
  const routing = createRouting(
    { availableMicros: (id) => balances.availableMicros(id), isTargetUp: (id) => probes.isUp(id), clock, newId },
    settings.auction,
  )
  const trunks = new Trunks()
  const { realm, registration } = settings.telephony
  const steady = new SteadyTime(clock)
  const now = () => steady.now()
  const onFirst = () => sipGuard.bookChanged()
  const { clickTokens, sipCredentials, authentication } = createSipIdentity({ settings, now, telemetry, onFirst })
  const registrar = new Registrar({
    realm,
    limits: bindingLimits(registration),
    authentication,
    now,
    isCarrier: (uri) => trunks.isCarrier(uri),
    onBindings: (id, bindings) => registrationWriter?.changed(id, steady.toWall(bindings)),
    onReachable: (id, isReachable) => routing.setUnreachable(id, isReachable ? null : 'target_not_registered'),
  })
  let registrationWriter: RegistrationWriter | null = null
  const directory = new Directory()
  const bidderNeeds = { settings, trunks, registrar, clock, log: logger, directory, routing, telemetry }
  const { bidders, desk } = createBidders(bidderNeeds)
  const events = createEventBus((error) => logger.error({ error }, 'an event listener failed'))
  const kept: KeptEvents = {
    keeps: (type) => settings.kafka.brokers !== null || !PROGRESS_EVENTS.has(type) || webhooks.wants(type),
    // Nobody waits for it, and the writer reports its own troubles.
    add: (event) => void storage.writer.write({ kind: 'events', callId: null, events: [event] }).catch(() => {}),
  }
  const announcements = new Announcements(events, kept)
  const { unknownSource } = settings.telephony
  const sipGuard = new SipGuard({
    trunks,
    credentials: sipCredentials,
    announcements,
    telemetry,
    log: logger,
    unknownSource,
  })
  let sharing: SharedReservations | null = null
  const operatorId = OPERATOR_ACCOUNT_ID
  const aftermath = new Aftermath({
    settings,
    balances: toldTo(balances, (hold) => sharing?.holds(hold)),
    events,
    telemetry,
    operatorId,
    learn: (outcome) => routing.learn(outcome),
    clock,
    log: logger,
  })
  const { webhooks, conversions, guard } = aftermath
  const news = redis && new CallStream({ ...redis, ...callNewsOptions(settings, telemetry) })
  const sharedThings = { news, dncAnswers: redis && new RedisDncAnswers(redis), guard, telemetry }
  const screeningNeeds = { ...sharedThings, settings, places, directory, trunks, events, announcements, clock }
  const screening = createScreening({ ...screeningNeeds, operatorId, log: logger })
  const receivers = [directory, trunks, sipCredentials, balances, aftermath, screening, routing, registrar]
  const applyChange = (change: BookChange): void => {
    for (const part of [...receivers, probes, registrations, bidders]) part.apply(change)
    sharing?.apply(change)
    if (change.kind === 'trunk' || change.kind === 'sip-user') sipGuard.bookChanged()
    telemetry.bookChanges.inc({ kind: change.kind })
  }

  const storage = await openStorage({
    databaseUrl: settings.database.url,
    startTimeoutMs: settings.database.connectTimeoutMs,
    dataDir: settings.dataDir,
    gatewayId: settings.server.gatewayId,
    log: logger,
    clock,
    spoolBytes: settings.storage.spoolBytes,
    minFreeBytes: settings.storage.minFreeBytes,
    outbox: outboxOptions(settings),
    ...privacyOptions(settings),
    onBookChange: applyChange,
    subscriptions: webhooks.subscriptions,
    onCommit: (seconds, records) => {
      webhooks.wake()
      telemetry.writerCommit.observe(seconds)
      telemetry.writerRecords.inc({ place: 'database' }, records)
    },
  })
  await ensureFirstAdmin({
    users: storage.stores.users,
    operatorId: OPERATOR_ACCOUNT_ID,
    email: settings.admin.email,
    password: settings.admin.password,
    passwords: credentials,
    log,
  })

  const mediaNeeds = { log: logger, sip: mediaSip(() => signaling) } // No engine calls anybody before there is a call.
  const media = new EnginePool(await startEngines(settings.media.engine, mediaNeeds, mediaSettings), {
    onRefused: (engine, reason) => telemetry.mediaRefused.inc({ engine, reason }),
  })

  const sipServer = settings.drachtio.host ? null : await startEmbeddedSip(settings, logger, sipGuard)
  const signaling = new Signaling({
    host: settings.drachtio.host ?? '127.0.0.1',
    port: sipServer?.server.controlPort ?? settings.drachtio.port,
    secret: sipServer?.secret ?? settings.drachtio.secret ?? 'cymru',
    connectTimeoutMs: SIP_CONNECT_MS,
    log: logger,
  })

  registrationWriter = new RegistrationWriter(storage.registrations, logger)
  const liveCalls = new LiveCalls()
  const quality = new CallQuality(clock)
  const refusalCounter = new RefusalCounter(storage.writer)
  const recordings = createRecordingShelf(settings, { store: storage.recordings, clock, log: logger })
  let draining = false
  const own = new OwnReservations(routing, balances)
  if (redis)
    sharing = createSharing({
      shared: new RedisCounters(redis),
      settings,
      own,
      routing,
      balances,
      storage,
      clock,
      telemetry,
      log: logger,
    })
  const reservations = sharing ?? own
  const pings = new Pings({
    clock,
    directory,
    places,
    screening: screening.screening,
    routing,
    bidders,
    balances,
    reservations,
    writer: storage.writer,
    telemetry,
    draining: () => draining,
    random: systemRandom,
    limits: settings.ping,
    sipHost: pingHost(settings, () => sipServer?.server.listening ?? []),
  })
  const parts: ExchangeParts = {
    clock,
    log: logger,
    telemetry,
    signaling,
    media,
    trunks,
    authentication,
    clickTokens,
    isSipServerOurs: sipServer !== null,
    registrar,
    directory,
    places,
    ...screening.forCalls,
    callEnded: (call) => screening.ended(call),
    routing,
    pings,
    bidders,
    balances,
    conversions,
    reservations,
    recordings,
    writer: storage.writer,
    announcements,
    liveCalls,
    menuPlaces: new MenuPlaces(settings.telephony.maxMenuCalls),
    ownDialogs: new OwnDialogs(),
    refusalCounter,
    probes,
    quality,
    isTrunkWorking: (id) => probes.isUp(id) && registrations.isUsable(id),
    operatorId,
    limits: {
      maxConcurrentCalls: settings.telephony.maxConcurrentCalls,
      maxSetupMs: settings.telephony.maxSetupDurationMs,
      maxMenuMs: settings.telephony.maxMenuDurationMs,
      trunkSilenceMs: settings.telephony.trunkSilenceMs,
      maxCallDurationMs: settings.telephony.maxCallDurationMs,
    },
    policies: callPolicies(settings),
    draining: () => draining,
  }
  const intake = aftermath.open(storage)
  screening.open(storage)
  const exchange = createExchange(parts)
  const monitoring = new Monitoring({
    liveCalls,
    signaling,
    registrar,
    trunks,
    hosts: settings.telephony.monitorHosts,
    store: storage.monitorings,
    clock,
    log: logger,
  })

  let loaded = false
  signaling.onLost(() => liveCalls.interrupt())
  signaling.onInvite((req, res) => {
    // What we know of trunks and numbers is not all there yet: no call is judged by half of it.
    if (!loaded) return res.send(503, { headers: { 'Retry-After': String(START_RETRY_AFTER_S) } })
    takeCall(req, res, exchange, parts)
  })
  const ownHosts = new OwnHosts(realm, publicAddresses(settings.telephony))
  const isLoaded = (): boolean => loaded
  const subscriptions = serveOutsideCalls({ ...parts, schedule: systemSchedule, ownHosts, isLoaded })

  let ready = false
  const api = await createApi({
    ...apiParts(parts, {
      settings,
      places,
      sipServer: sipServer?.server ?? null,
      sipGuard,
      registrations,
      steady,
      intake,
      recordsPending: () => storage.writer.pending(),
      guard,
      bidders: desk,
      screening,
    }),
    stores: storage.stores,
    monitoring,
    events,
    recordings,
    health: createHealth({ storage, signaling, media, ready: () => ready && !draining }),
    payouts: payoutParts,
    payments: stripe && (await import('../api/stripe-provider.ts')).createStripeProvider(stripe),
    house: { operatorId: OPERATOR_ACCOUNT_ID, externalId: EXTERNAL_ACCOUNT_ID },
    keys: loadOrCreate(join(settings.dataDir, 'keys')),
    ...(demoLogin && { demoLogin }),
  })
  watch(telemetry, {
    liveCalls,
    registrar,
    subscriptions,
    media,
    storage,
    balances,
    conversions,
    intake,
    sharing,
    pings,
    bidders,
    api,
    probes,
    quality,
    now: () => clock.now(),
    registrations,
    sipServer: sipServer?.server ?? null,
  })

  // Only now, when a port that is taken or a SIP server that is away can no longer stop the start: a call that is closed is
  // not found again, so whoever closes it must be able to say BYE.
  await signaling.connect()
  const { saidBye } = await closeLeftOpen(storage, { sharing, monitoring, signaling, operatorId, log: logger })
  await recordings.closeInterrupted()
  await storage.book.load(applyChange)
  await restoreFunds(storage, { registrar, steady, balances })
  await aftermath.start(storage, (event) => kept.add(event))
  await restoreHistory(storage, parts)
  await screening.start()
  await waitForSharing(sharing, logger)
  const { port } = await api.listen().catch(async (error: unknown) => {
    await saidBye
    throw error
  })
  loaded = true
  const stopErrands = startErrands({
    log: logger,
    clock,
    events,
    registrar,
    pings,
    recordings,
    storage,
    goOnPaying: () => goOnPaying(storage.stores.payoutRuns, { payouts: payoutParts, clock }, events),
  })
  const stopAudit = keepAudit(storage.audit, settings, { clock, log: logger })
  const stopMarking = liveCalls.markAliveEvery(ALIVE_EVERY_MS, storage.writer)
  void sipServer?.server.failed.then((error) => {
    // Without its SIP server an exchange only pretends. The restart closes and settles what was open.
    logger.fatal({ error }, 'the SIP server is gone')
    onFatal?.()
  })
  const http = { host: settings.server.host, port }
  const sip = sipServer?.server.listening ?? []
  probes.start()
  registrations.start()
  ready = true
  logger.info({ sip, http, control: sipServer?.server.controlPort ?? null, drachtio: signaling.addresses }, 'ready')
  log.flush()

  let stopping: Promise<void> | null = null
  return {
    http,
    sip,
    stop: () => (stopping ??= stop()),
  }

  async function stop(): Promise<void> {
    draining = true
    logger.info({ calls: liveCalls.size }, 'draining')
    await liveCalls.drain(settings.server.shutdownTimeoutMs)
    await liveCalls.drain(CLOSING_MS)
    await monitoring.close()
    await subscriptions.close()
    stopMarking()
    await stopErrands()
    probes.close()
    await registrations.close()
    refusalCounter.close()
    await bidders.close()
    await registrationWriter?.close()
    signaling.close()
    sipServer?.stopWatching()
    await sipServer?.server.close()
    await media.close()
    await api.close()
    await aftermath.close()
    await screening.close()
    await sharing?.close()
    await stopAudit()
    await storage.close()
    telemetry.close()
    logger.info({}, 'stopped')
    log.flush()
  }
}

/** After the drain's time is up, how long the hung-up calls may take to be written. */
const CLOSING_MS = 5000
