import type { ApplicationRouter } from '../../../gateway/sip-server/application.ts'
import { openDns } from '../../../gateway/sip-server/dns.ts'
import { Engine } from '../../../gateway/sip-server/engine.ts'
import { DEFAULT_LIMITS } from '../../../gateway/sip-server/limits.ts'
import type { SipServerLimits } from '../../../gateway/sip-server/limits.ts'
import { EnginePool } from '../../../media/engine-pool.ts'
import { Dice } from '../../simulation/dice.ts'
import { NOON } from '../market.ts'
import { createForkingProxy } from '../sip-simulation/forking-proxy.ts'
import { chanceOf, Network, VirtualTime } from '../sip-simulation/network.ts'
import { Phone } from '../sip-simulation/phone.ts'
import { Aftermath, leftInEngine } from './aftermath.ts'
import { habitsOf } from './callers-and-buyers.ts'
import { ControlLine } from './control-line.ts'
import { faultsOfCalls } from './promised.ts'
import { Promises } from './promises.ts'
import { scenarioOf } from './scenario.ts'
import type { Event, Scenario } from './scenario.ts'
import { createSimulatedExchange } from './simulated-exchange.ts'
import { BUYERS, CARRIERS, DIALLED, EXCHANGE, marketOf, OUTBOUND, PROXY } from './simulated-market.ts'
import { SimulatedMedia } from './simulated-media.ts'
import { SimulatedWriter } from './simulated-writer.ts'
import { SrfWatch } from './srf-watch.ts'
import { VirtualGlobals } from './virtual-globals.ts'
import { WireWitness } from './wire-witness.ts'

const TICK_MS = 50
/** Longer than any timer: what is left then is left for ever. */
const LONGEST_RUN_MS = 1_800_000
/** As the exchange sets them: behind its own limits. */
const LAST_RESORT_MS = 600_000
const PHONE_LIMITS = { ...DEFAULT_LIMITS, applicationSilenceMs: 40_000, maxRingingMs: 60_000, maxDialogMs: 400_000 }

export interface Outcome {
  readonly faults: readonly string[]
  readonly calls: number
  /** Only when asked for: the script, and every message and deed in its order. */
  readonly trace: readonly string[]
  /** What happened in it, for counting how much of the ground the runs cover. */
  readonly happenings: ReadonlySet<string>
}

/** Plays the calls of this seed through the exchange's own code, to their end. */
export async function runCalls(seed: number, wantsTrace = false): Promise<Outcome> {
  const world = new World(seed, wantsTrace)
  try {
    await world.play()
  } finally {
    world.close()
  }
  return world.outcome()
}

/** A network with carriers, buyers and one exchange between them, and a time and a chance of their own. */
class World {
  readonly #wantsTrace: boolean
  readonly #scenario: Scenario
  readonly #dice: Dice
  readonly #time = new VirtualTime(TICK_MS)
  readonly #network: Network
  readonly #globals: VirtualGlobals
  readonly #line: ControlLine
  readonly #engines: { readonly host: string; readonly engine: Engine }[] = []
  readonly #phones: readonly { readonly host: string; readonly phone: Phone }[]
  readonly #sip: Engine
  readonly #media: EnginePool
  readonly #writer: SimulatedWriter
  readonly #market: ReturnType<typeof marketOf>
  readonly #exchange: ReturnType<typeof createSimulatedExchange>
  readonly #wire = new WireWitness(EXCHANGE, PROXY)
  readonly #promises = new Promises()
  readonly #watch = new SrfWatch()
  readonly #trace: string[] = []
  readonly #faults: string[] = []

  constructor(seed: number, wantsTrace: boolean) {
    const dice = new Dice(seed)
    // Neighbouring seeds of a linear congruential generator begin alike.
    for (let i = 0; i < 5; i++) dice.roll(2)
    this.#dice = dice
    this.#wantsTrace = wantsTrace
    const time = this.#time
    const scenario = scenarioOf(dice)
    this.#scenario = scenario
    const { transport } = scenario.weather
    this.#network = new Network(time, scenario.weather, dice)
    this.#network.onSent = (from, text) => this.#wire.sent(from, text)
    if (wantsTrace) this.#network.onTrace = (text) => this.#log(text)
    this.#log(`script: ${JSON.stringify(scenario)}`)
    const habits = habitsOf(scenario)
    this.#phones = [...CARRIERS, ...BUYERS, OUTBOUND].map((host) => {
      const phone = new Phone(host, time, dice, habits)
      phone.attach(this.#engineAt(host, phone, PHONE_LIMITS))
      if (wantsTrace) phone.onTrace = (text) => this.#log(text)
      return { host, phone }
    })
    createForkingProxy(this.#network, PROXY, BUYERS.slice(0, 2), dice.onceIn(2))

    const globals = new VirtualGlobals(time, NOON, dice, wantsTrace)
    this.#globals = globals
    globals.install()
    this.#line = new ControlLine(time, dice, globals.stir, `${transport}/${EXCHANGE}:5060`, () => this.#sip.actions)
    this.#sip = this.#engineAt(EXCHANGE, this.#line.applications, {
      ...DEFAULT_LIMITS,
      maxDialogMs: scenario.limits.maxCallDurationMs + LAST_RESORT_MS,
      maxRingingMs: scenario.limits.maxSetupMs + LAST_RESORT_MS,
    })
    // Half of the exchanges have a second engine, where calls go that the first one refuses.
    const engines = Array.from({ length: dice.onceIn(2) ? 2 : 1 }, () => {
      return new SimulatedMedia(time, dice, scenario.media, globals.stir)
    })
    this.#media = new EnginePool(engines)
    this.#writer = new SimulatedWriter(time, dice, scenario.disk, globals.stir)
    this.#wire.isSaleDurable = (callId) => this.#writer.durableSales.has(callId)
    this.#market = marketOf(scenario)
    const { book, agents } = this.#market
    this.#exchange = createSimulatedExchange({ scenario, book, agents, media: this.#media, writer: this.#writer })
  }

  #log(line: string): void {
    if (this.#wantsTrace) this.#trace.push(`${this.#time.nowMs.toFixed(0).padStart(8)} ${line}`)
  }

  #engineAt(host: string, router: ApplicationRouter, limits: SipServerLimits): Engine {
    const isOurs = host === EXCHANGE
    const engine = new Engine({
      limits,
      timers: {},
      publicAddresses: [],
      // Every hop is an IP literal: it is never asked.
      dns: openDns({ servers: [], timeoutMs: 1_000 }),
      largeRequests: 'udp',
      router,
      outside: null,
      guard: null,
      overload: null,
      understands: isOurs
        ? { extensions: ['timer', '100rel'], bodies: ['application/sdp', 'multipart/mixed'] }
        : undefined,
      asksForEnds: isOurs,
      chance: chanceOf(this.#dice),
      nowMs: 0,
      onLog: (_level, message) => this.#faults.push(`${host} logged: ${message}`),
    })
    engine.core.transports.push(this.#network.place(host, engine))
    this.#time.add(engine.core.wheel)
    this.#engines.push({ host, engine })
    return engine
  }

  async play(): Promise<void> {
    const time = this.#time
    for (const { atMs, carrier, isKnownNumber } of this.#scenario.calls)
      time.in(atMs, () => this.#phones[carrier]!.phone.call(this.#uriOf(isKnownNumber ? DIALLED : '+18005550199')))
    for (const event of this.#scenario.events) time.in(event.atMs, () => this.#happen(event))
    const { parts, signaling } = this.#exchange
    const aftermath = new Aftermath({
      time,
      globals: this.#globals,
      sip: this.#sip,
      others: this.#engines.map(({ engine }) => engine),
      areCallsOver: () => parts.liveCalls.size === 0,
      isHeard: () => this.#scenario.events.every(({ kind }) => kind !== 'cut'),
    })
    this.#exchange.onIdle(() => aftermath.idle())
    try {
      signaling.connect().catch((error: unknown) => this.#faults.push(`not connected: ${String(error)}`))
      await time.runSettling(LONGEST_RUN_MS, aftermath.isQuiet, this.#globals.settle)
      this.#exchange.close()
    } catch (error) {
      this.#faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    this.#faults.push(...aftermath.faults)
  }

  #uriOf(dialled: string): string {
    return `sip:${dialled}@${EXCHANGE}:5060${this.#scenario.weather.transport === 'tcp' ? ';transport=tcp' : ''}`
  }

  #happen({ kind, who }: Event): void {
    const { host, phone } = this.#phones[who]!
    this.#log(`*** ${kind} (${host})`)
    this.#wire.happenings.add(kind)
    this.#globals.stir()
    switch (kind) {
      case 'hang up':
        return this.#exchange.hangUp()
      case 'drain':
        return this.#exchange.drain()
      case 'cut':
        return this.#line.cut()
      case 'vanish':
        return this.#network.vanish(host)
      case 'die':
        return phone.die()
      case 'replace':
        return phone.callReplacing(this.#uriOf(DIALLED))
      case 'attend':
        return phone.attend()
    }
  }

  /** Gives the process its own time back. */
  close(): void {
    this.#line.close()
    this.#watch.close()
    this.#promises.close()
    this.#globals.uninstall()
  }

  outcome(): Outcome {
    const { calls, parts, events, errors } = this.#exchange
    const wire = this.#wire
    const writer = this.#writer
    const faults = [...this.#faults, ...wire.faults, ...writer.faults]
    for (const { host, engine } of this.#engines) faults.push(...leftInEngine(host, engine))
    for (const { phone } of this.#phones)
      faults.push(...phone.witness.faults(wire.finals), ...phone.records.faults(wire.accepted()))
    faults.push(...errors.filter((error) => !this.#isOfTheDisk(error)))
    faults.push(...this.#watch.leftovers(), ...this.#promises.rejections)
    faults.push(
      ...faultsOfCalls({
        calls,
        parts,
        events,
        writer,
        wire,
        line: this.#line,
        market: this.#market,
        media: this.#media,
      }),
    )
    for (const call of calls) {
      const record = writer.ended.get(call.id)?.call
      if (record) wire.happenings.add(`ended: ${record.endReason}`)
      this.#log(
        `call ${call.id}: ${record ? `${record.sipStatus} ${record.outcome} ${record.endReason}` : 'no record'}`,
      )
      for (const { atMs, step, detail } of call.trace) {
        wire.happenings.add(`step: ${step}`)
        this.#log(`  +${atMs} ${step}: ${detail}`)
      }
    }
    return { faults, calls: calls.length, trace: this.#trace, happenings: wire.happenings }
  }

  /** What a broken disk did not take stands in the log. */
  #isOfTheDisk(error: string): boolean {
    return this.#scenario.disk.failure > 0 && error.startsWith('a call record could not be written')
  }
}
