import { openDns } from '../../../gateway/sip-server/dns.ts'
import { Engine } from '../../../gateway/sip-server/engine.ts'
import { DEFAULT_LIMITS } from '../../../gateway/sip-server/limits.ts'
import { Dice } from '../../simulation/dice.ts'
import { createForkingProxy } from './forking-proxy.ts'
import { chanceOf, Network, VirtualTime } from './network.ts'
import type { Weather } from './network.ts'
import { Phone } from './phone.ts'

const CALLER = '10.0.0.1'
const CALLEES = ['10.0.0.2', '10.0.0.3']
const PROXY = '10.0.0.9'
const NAMES: Readonly<Record<string, string>> = { '10.0.0.1': 'caller', '10.0.0.2': 'callee', '10.0.0.3': 'callee 2' }
const TICK_MS = 50
/** Longer than any timer: what is left then is left for ever. */
const LONGEST_RUN_MS = 1_800_000
/** The server's own last resorts, near enough to be met. */
const LIMITS = { ...DEFAULT_LIMITS, applicationSilenceMs: 40_000, maxRingingMs: 60_000, maxDialogMs: 400_000 }

export interface Outcome {
  readonly faults: readonly string[]
  /** Only when asked for. */
  readonly trace: readonly string[]
  /** What happened in it, for counting how much of the ground the runs cover. */
  readonly happenings: ReadonlySet<string>
}

function weatherOf(dice: Dice): Weather {
  const isBad = dice.onceIn(2)
  return {
    transport: dice.onceIn(5) ? 'tcp' : 'udp',
    lossPercent: isBad ? dice.pick([2, 10, 30]) : 0,
    duplicatePercent: isBad ? dice.pick([0, 5, 20]) : 0,
    minDelayMs: dice.pick([1, 20, 100]),
    maxDelayMs: dice.pick([120, 400, 1500]),
  }
}

/** Plays the call of this seed to its end. */
export function runScenario(seed: number, wantsTrace = false): Outcome {
  const dice = new Dice(seed)
  // Neighbouring seeds of a linear congruential generator begin alike.
  for (let i = 0; i < 5; i++) dice.roll(2)
  const time = new VirtualTime(TICK_MS)
  const weather = weatherOf(dice)
  const network = new Network(
    time,
    weather.transport === 'tcp' ? { ...weather, lossPercent: 0, duplicatePercent: 0 } : weather,
    dice,
  )
  const trace: string[] = []
  const happenings = new Set<string>()
  const faults: string[] = []
  const wireFinals = new Map<string, string>()
  const log = (line: string): void => void trace.push(`${time.nowMs.toFixed(0).padStart(8)} ${line}`)
  network.onSent = (from, text) => {
    noteHappening(happenings, text)
    // A proxy passes on what others have said.
    if (from !== PROXY) noteFinal(wireFinals, faults, text)
  }
  const isForked = dice.onceIn(5)
  const ends = (isForked ? [CALLER, ...CALLEES] : [CALLER, CALLEES[0]!]).map((host) => {
    const phone = new Phone(NAMES[host]!, time, dice)
    const engine = new Engine({
      limits: LIMITS,
      timers: {},
      publicAddresses: [],
      // Every hop is an IP literal: it is never asked.
      dns: openDns({ servers: [], timeoutMs: 1_000 }),
      largeRequests: 'tcp',
      router: phone,
      outside: null,
      guard: null,
      // One end answers a CANCELled INVITE itself, the others leave that to the server.
      asksForEnds: host === CALLEES[0],
      overload: null,
      chance: chanceOf(dice),
      nowMs: 0,
      onLog: (_level, message) => faults.push(`${host} logged: ${message}`),
    })
    phone.attach(engine)
    engine.core.transports.push(network.place(host, engine))
    time.add(engine.core.wheel)
    if (wantsTrace) phone.onTrace = log
    return { host, phone, engine }
  })
  if (wantsTrace) {
    network.onTrace = log
    log(`weather: ${JSON.stringify(network.weather)}`)
  }
  const parameter = weather.transport === 'tcp' ? ';transport=tcp' : ''
  if (isForked) createForkingProxy(network, PROXY, CALLEES, dice.onceIn(2))
  if (isForked || !dice.onceIn(10))
    ends[0]!.phone.call(`sip:callee@${isForked ? PROXY : ends[1]!.host}:5060${parameter}`)
  else ends[0]!.phone.subscribe(`sip:callee@${ends[1]!.host}:5060${parameter}`)
  if (dice.onceIn(40)) time.in(dice.roll(20_000), () => dice.pick(ends).phone.die())
  try {
    time.run(LONGEST_RUN_MS, () => ends.every(({ engine }) => isEmpty(engine)))
  } catch (error) {
    faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  const accepted = acceptedCalls(wireFinals)
  for (const { host, phone, engine } of ends) {
    faults.push(...phone.witness.faults(wireFinals), ...phone.records.faults(accepted))
    const { wheel, dialogs, transactions, counters } = engine.core
    if (wheel.armed > 0) faults.push(`${host}: ${wheel.armed} timers are left`)
    if (dialogs.size > 0) faults.push(`${host}: ${dialogs.size} dialogs are left`)
    if (transactions.remembered > 0) faults.push(`${host}: ${transactions.remembered} transactions are left`)
    if (transactions.open !== 0 || transactions.lingering !== 0)
      faults.push(`${host}: miscounted: ${transactions.open} open, ${transactions.lingering} lingering`)
    if (counters.internalErrors > 0) faults.push(`${host}: ${counters.internalErrors} internal errors`)
  }
  return { faults, trace, happenings }
}

function isEmpty({ core }: Engine): boolean {
  return core.dialogs.size === 0 && core.transactions.remembered === 0 && core.wheel.armed === 0
}

function noteHappening(happenings: Set<string>, text: string): void {
  happenings.add(text.startsWith('SIP/2.0 ') ? text.slice(8, 11) : text.slice(0, text.indexOf(' ')))
  const reason = /^Reason: .*text="([^"]*)"/m.exec(text)
  if (reason !== null) happenings.add(reason[1]!)
}

/** The Call-IDs of INVITEs that had a 2xx. */
function acceptedCalls(finals: ReadonlyMap<string, string>): Set<string> {
  const accepted = [...finals].filter(([, text]) => text.startsWith('SIP/2.0 2'))
  return new Set(accepted.map(([key]) => key.slice(0, key.indexOf('|'))))
}

/** An INVITE has one final answer, however often it is repeated. */
function noteFinal(finals: Map<string, string>, faults: string[], text: string): void {
  if (!text.startsWith('SIP/2.0 ') || text.startsWith('SIP/2.0 1') || !/^CSeq: \d+ INVITE\r$/m.test(text)) return
  const key = `${/^Call-ID: (.*)\r$/m.exec(text)![1]}|${/;branch=([^;\r]+)/.exec(text)![1]}|INVITE`
  const before = finals.get(key)
  if (before === undefined) finals.set(key, text)
  else if (before !== text) faults.push(`two final answers to one INVITE:\n${before}\n${text}`)
}
