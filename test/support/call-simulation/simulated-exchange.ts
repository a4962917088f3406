import { createBalances } from '../../../accounts/holds.ts'
import { createCompliance } from '../../../compliance/compliance.ts'
import type { Logger } from '../../../config/logger.ts'
import { loadPlaces } from '../../../config/reference-data.ts'
import { createTelemetry } from '../../../config/telemetry.ts'
import { Announcements } from '../../../gateway/announcements.ts'
import { Authentication } from '../../../gateway/identity/authentication.ts'
import { CallQuality } from '../../../gateway/quality/call-quality.ts'
import { ClickTokens } from '../../../gateway/identity/click-tokens.ts'
import { Directory } from '../../../gateway/directory.ts'
import { createExchange } from '../../../gateway/exchange.ts'
import type { Call } from '../../../gateway/live-call.ts'
import { LiveCalls } from '../../../gateway/live-calls.ts'
import type { RecordWriter } from '../../../gateway/needs.ts'
import { MenuPlaces } from '../../../gateway/menu/menu-places.ts'
import { OwnDialogs } from '../../../gateway/transfers/own-dialogs.ts'
import type { ExchangeParts } from '../../../gateway/parts.ts'
import { Pings } from '../../../gateway/pings/pings.ts'
import { OwnReservations } from '../../../gateway/reserving/reserve.ts'
import { Probes } from '../../../gateway/reachability/probes.ts'
import { RefusalCounter } from '../../../gateway/refusal-counter.ts'
import { Registrar } from '../../../gateway/registrar/registrar.ts'
import { systemSchedule } from '../../../gateway/start/schedule.ts'
import { SipCredentials } from '../../../gateway/identity/sip-credentials.ts'
import { Signaling } from '../../../gateway/srf.ts'
import { takeCall } from '../../../gateway/take-call.ts'
import { Trunks } from '../../../gateway/identity/trunks.ts'
import type { EnginePool } from '../../../media/engine-pool.ts'
import type { BookChange } from '../../../model/book.ts'
import { systemClock } from '../../../model/clock.ts'
import type { DomainEvent } from '../../../model/events.ts'
import { newId } from '../../../model/ids.ts'
import { systemRandom } from '../../../model/random.ts'
import type { SipBinding, SipUser } from '../../../model/sip-user.ts'
import { createRouting } from '../../../routing/route-call.ts'
import { createEventBus } from '../../../storage/event-bus.ts'
import { OPERATOR_ACCOUNT_ID } from '../../../storage/house-accounts.ts'
import { aScreening } from '../screening.ts'
import { SECRET } from './control-line.ts'
import type { Scenario } from './scenario.ts'

const REALM = 'dce'
/** Reference data and metrics are the same for all runs. */
const places = loadPlaces()
const telemetry = createTelemetry()
telemetry.close()

/** Every call that was ever live. */
class WitnessedCalls extends LiveCalls {
  readonly all: Call[] = []

  onIdle: () => void = () => undefined

  override remove(call: Call): void {
    super.remove(call)
    if (this.size === 0) this.onIdle()
  }

  override add(call: Call): void {
    this.all.push(call)
    super.add(call)
  }
}

export interface SimulatedExchange {
  readonly parts: ExchangeParts
  readonly signaling: Signaling
  readonly calls: readonly Call[]
  readonly events: readonly DomainEvent[]
  /** Calls back whenever no call is live any more. */
  onIdle(handler: () => void): void
  /** What the log was told at `error` and above. */
  readonly errors: readonly string[]
  hangUp(): void
  drain(): void
  /** Ends what goes on for as long as the process lives. */
  close(): void
}

/** The exchange as main.ts builds it, but for disk, audio and API: its own modules throughout. */
export function createSimulatedExchange(options: {
  readonly scenario: Scenario
  readonly book: readonly BookChange[]
  readonly agents: readonly { readonly user: SipUser; readonly bindings: readonly SipBinding[] }[]
  readonly media: EnginePool
  readonly writer: RecordWriter
}): SimulatedExchange {
  const { scenario, book, agents, media, writer } = options
  const clock = systemClock
  const errors: string[] = []
  const events: DomainEvent[] = []
  const log = logInto(errors)
  const balances = createBalances({ clock, newId })
  const compliance = createCompliance(
    { places, clock },
    { tcpaEnabled: true, callingHours: { startMinute: 480, endMinute: 1260 }, unknownLocation: 'block' },
  )
  const screening = aScreening(compliance)
  const trunks = new Trunks()
  const clickTokens = new ClickTokens({ realm: REALM, now: () => clock.now(), random: systemRandom })
  const credentials = new SipCredentials(REALM, clickTokens)
  const directory = new Directory()
  const probes = new Probes(
    {
      sendOptions: () => Promise.reject(new Error('nobody is asked')),
      schedule: systemSchedule,
      clock,
      random: systemRandom,
      onChange: () => undefined,
      onProbed: () => undefined,
    },
    {
      intervalMs: 0,
      failuresToDown: 3,
      isStrict: false,
      withInboundTrunks: false,
      isAddressOfRecord: (uri) => registrar.usernameIn(uri) !== null,
    },
  )
  const routing = createRouting({
    availableMicros: (id) => balances.availableMicros(id),
    isTargetUp: (id) => probes.isUp(id),
    clock,
    newId,
  })
  const authentication = new Authentication({
    realm: REALM,
    algorithms: ['MD5'],
    nonceLifetimeMs: 60_000,
    credentials,
    now: () => clock.now(),
    telemetry,
  })
  const registrar = new Registrar({
    realm: REALM,
    limits: { minExpires: 60, maxExpires: 3600, defaultExpires: 3600, maxBindings: 10 },
    authentication,
    now: () => clock.now(),
    isCarrier: (uri) => trunks.isCarrier(uri),
    onBindings: () => undefined,
    onReachable: (id, isReachable) => routing.setUnreachable(id, isReachable ? null : 'target_not_registered'),
  })
  for (const change of book)
    for (const part of [directory, trunks, credentials, balances, compliance, routing, registrar, probes])
      part.apply(change)
  for (const { user, bindings } of agents) registrar.restore(user.id, bindings)

  const signaling = new Signaling({ host: 'here', port: 9022, secret: SECRET, connectTimeoutMs: 900, log })
  const bus = createEventBus((error) => errors.push(`an event listener failed: ${String(error)}`))
  bus.subscribe((event) => events.push(event))
  const liveCalls = new WitnessedCalls()
  const refusalCounter = new RefusalCounter(writer)
  const stopMarking = liveCalls.markAliveEvery(5000, writer)
  let draining = false
  const reservations = new OwnReservations(routing, balances)
  const pings = new Pings({
    clock,
    directory,
    places,
    screening,
    routing,
    balances,
    reservations,
    writer,
    telemetry,
    random: systemRandom,
    draining: () => draining,
    limits: { validityMs: 30_000, maxOpen: 100, maxOpenPerSeller: 100, maxPerSecond: 100, sameCaller: false },
    sipHost: () => 'dce.example',
  })
  const parts: ExchangeParts = {
    clock,
    log,
    telemetry,
    signaling,
    media,
    trunks,
    authentication,
    clickTokens,
    isSipServerOurs: true,
    registrar,
    directory,
    places,
    screening,
    routing,
    pings,
    balances,
    conversions: { keep: () => {}, written: () => {} },
    reservations,
    recordings: { begun: async () => {}, ended: async () => {} },
    writer,
    announcements: new Announcements(bus, { keeps: () => true, add: () => {} }),
    liveCalls,
    menuPlaces: new MenuPlaces(10),
    ownDialogs: new OwnDialogs(),
    refusalCounter,
    probes,
    quality: new CallQuality(clock),
    isTrunkWorking: () => true,
    operatorId: OPERATOR_ACCOUNT_ID,
    limits: scenario.limits,
    policies: scenario.policies,
    draining: () => draining,
  }
  const exchange = createExchange(parts)
  signaling.onLost(() => liveCalls.interrupt())
  signaling.onInvite((req, res) => takeCall(req, res, exchange, parts))
  return {
    parts,
    signaling,
    calls: liveCalls.all,
    events,
    errors,
    onIdle(handler) {
      liveCalls.onIdle = handler
    },
    hangUp() {
      for (const { id } of liveCalls.all) liveCalls.hangUp(id)
    },
    drain() {
      draining = true
      void liveCalls.drain(10_000)
    },
    close() {
      stopMarking()
      refusalCounter.close()
      probes.close()
    },
  }
}

/** A log whose errors are kept, whole. */
function logInto(errors: string[]): Logger {
  const say = (details: { error?: unknown }, message: string): void => {
    const { error } = details
    errors.push(`${message}: ${error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error)}`)
  }
  const silent = (): void => undefined
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the four of pino's methods that are called here.
  return { info: silent, warn: silent, debug: silent, error: say, fatal: say } as unknown as Logger
}
