import type { CallPolicies } from '../../../gateway/call-policies.ts'
import type { ExchangeLimits } from '../../../gateway/parts.ts'
import type { Dice } from '../../simulation/dice.ts'
import type { Weather } from '../sip-simulation/network.ts'
import type { MediaMischief } from './simulated-media.ts'
import type { DiskMischief } from './simulated-writer.ts'

/** Where a buyer's calls go: straight to its phone, through a proxy that forks, to an agent's registered phones, or to a number. */
type TargetKind = 'phone' | 'proxy' | 'agent' | 'number'

/** Something that happens to the exchange, and when. */
export interface Event {
  readonly kind: 'hang up' | 'drain' | 'cut' | 'vanish' | 'die' | 'replace' | 'attend'
  readonly atMs: number
  /** Of those who vanish, die, take their own place or join their own calls: who. */
  readonly who: number
}

/** All that is decided beforehand; what the phones do, they decide as they go. */
export interface Scenario {
  readonly weather: Weather
  readonly targets: readonly TargetKind[]
  /** When each call begins, and which carrier makes it. */
  readonly calls: readonly { readonly atMs: number; readonly carrier: number; readonly isKnownNumber: boolean }[]
  readonly callHeaders: readonly string[]
  readonly billableAfter: number
  readonly trunkPlaces: number | null
  readonly creditDollars: number
  readonly ringTimeout: number
  readonly policies: CallPolicies
  readonly limits: ExchangeLimits
  readonly media: MediaMischief
  readonly disk: DiskMischief
  readonly events: readonly Event[]
}

export function scenarioOf(dice: Dice): Scenario {
  const isAttended = dice.onceIn(8)
  const isBad = dice.onceIn(2)
  const transport = dice.onceIn(5) ? 'tcp' : 'udp'
  const isLossy = isBad && transport === 'udp'
  const rarely = (onceIn: number): number => (dice.onceIn(5) ? onceIn : 0)
  return {
    weather: {
      transport,
      lossPercent: isLossy ? dice.pick([2, 10, 30]) : 0,
      duplicatePercent: isLossy ? dice.pick([0, 5, 20]) : 0,
      minDelayMs: dice.pick([1, 20, 100]),
      maxDelayMs: dice.pick([120, 400, 1500]),
    },
    targets: Array.from({ length: 1 + dice.roll(3) }, () =>
      dice.pick<TargetKind>(['phone', 'phone', 'phone', 'proxy', 'agent', 'number']),
    ),
    calls: Array.from({ length: isAttended ? 2 : dice.pick([1, 1, 1, 2, 2, 3]) }, (_, i) => ({
      atMs: 1000 + i * dice.roll(isAttended ? 3000 : 20_000),
      carrier: isAttended ? 0 : dice.roll(2),
      isKnownNumber: !dice.onceIn(30),
    })),
    callHeaders: [
      'From: <sip:+12125550142@10.0.0.1>',
      'P-Asserted-Identity: <sip:+12125550142@10.0.0.1>',
      'Supported: timer',
      dice.onceIn(8) ? 'Require: 100rel' : 'Supported: 100rel',
      ...(dice.onceIn(15) ? [`Expires: ${5 + dice.roll(20)}`] : []),
      ...(dice.onceIn(15) ? ['Privacy: id'] : []),
      ...(dice.onceIn(20) ? ['Max-Forwards: 0'] : []),
    ],
    billableAfter: dice.pick([0, 5, 30]),
    trunkPlaces: dice.onceIn(6) ? 1 : null,
    creditDollars: dice.onceIn(6) ? 30 : 1000,
    ringTimeout: dice.pick([5, 10, 20]),
    policies: {
      stopCodes: dice.onceIn(3) ? [486, 603] : [],
      followRedirects: dice.onceIn(2),
      redirectHosts: ['10.0.0.2', '10.0.0.3', '10.0.0.4'],
      trustedHosts: [],
      passHeaders: [],
      historyInfo: 'off',
      verstat: 'off',
      transfers: isAttended ? 'both' : dice.pick(['off', 'buyer', 'both', 'both']),
      transferHosts: ['10.0.0.2', '10.0.0.3', '10.0.0.4'],
      transferNumbers: [],
      recordsCalls: false,
      hasDirectMedia: false,
      reliableWhenSupported: dice.onceIn(2),
      answersCancelled: true,
      redress: { url: null, email: null, phone: null, location: 'RLN', jcardUrl: null },
      sessionExpiresS: dice.pick([0, 90, 180]),
    },
    limits: {
      maxConcurrentCalls: dice.onceIn(10) ? 1 : 100,
      maxSetupMs: dice.pick([20_000, 60_000]),
      maxMenuMs: 20_000,
      trunkSilenceMs: 4000,
      maxCallDurationMs: dice.pick([60_000, 240_000]),
    },
    media: { refusal: rarely(5), silence: rarely(3), death: rarely(3) },
    disk: {
      mostDelayMs: dice.pick([2, 20, 2000]),
      failure: rarely(4),
      fullness: rarely(3),
    },
    events: [
      ...eventsOf(dice, 'hang up', 12, 40_000),
      ...eventsOf(dice, 'drain', 25, 40_000),
      ...eventsOf(dice, 'cut', 15, 60_000),
      ...eventsOf(dice, 'vanish', 15, 60_000),
      ...eventsOf(dice, 'die', 30, 60_000),
      ...eventsOf(dice, 'replace', 5, 20_000),
      ...(isAttended
        ? [5, 8, 12].map((s) => ({ kind: 'attend' as const, atMs: s * 1000 + dice.roll(4000), who: 0 }))
        : []),
    ],
  }
}

function eventsOf(dice: Dice, kind: Event['kind'], onceIn: number, withinMs: number): Event[] {
  if (!dice.onceIn(onceIn)) return []
  // Most of what is interesting happens while a call is being set up.
  return [{ kind, atMs: 1000 + dice.roll(dice.onceIn(2) ? 5000 : withinMs), who: dice.roll(4) }]
}
