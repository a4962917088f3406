/** RFC 3261 Table 4, with L and M of RFC 6026 §7. */
export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M'

const NAMES: ReadonlySet<string> = new Set('ABDEFGHIJKLM')

/** Whether a timer is one of the machines', and not its user's. */
export function isTimerName(name: string): name is TimerName {
  return NAMES.has(name)
}

/** The three values everything else is derived from (RFC 3261 §17.1.1.1). */
export interface TimerValues {
  /** Estimate of the round trip, milliseconds. Tests make it small; 500 on any real network. */
  readonly t1Ms?: number
  /** Longest interval between retransmissions of a non-INVITE request or an INVITE response. */
  readonly t2Ms?: number
  /** How long a message may stay in the network. */
  readonly t4Ms?: number
}

interface TimerRule {
  readonly unreliableMs: number
  readonly reliableMs: number
  /** `double`: every firing doubles the wait; `double-to-t2`: up to T2; `once`: it fires once. */
  readonly growth: 'once' | 'double' | 'double-to-t2'
}

export interface SipTimers {
  readonly t1Ms: number
  readonly t2Ms: number
  readonly t4Ms: number
  /** 64*T1: how long anything waits for an answer. */
  readonly giveUpMs: number
  readonly rules: Readonly<Record<TimerName, TimerRule>>
}

function once(unreliableMs: number, reliableMs: number): TimerRule {
  return { unreliableMs, reliableMs, growth: 'once' }
}

/** Derives every timer from T1, T2 and T4, in this one place. T2 and T4 keep their proportion to T1 unless given. */
export function timersFrom(values: TimerValues = {}): SipTimers {
  const t1Ms = values.t1Ms ?? 500
  const t2Ms = values.t2Ms ?? 8 * t1Ms
  const t4Ms = values.t4Ms ?? 10 * t1Ms
  const giveUpMs = 64 * t1Ms
  return {
    t1Ms,
    t2Ms,
    t4Ms,
    giveUpMs,
    rules: {
      A: { unreliableMs: t1Ms, reliableMs: t1Ms, growth: 'double' },
      B: once(giveUpMs, giveUpMs),
      // "greater than 32 s" at the default T1.
      D: once(giveUpMs, 0),
      E: { unreliableMs: t1Ms, reliableMs: t1Ms, growth: 'double-to-t2' },
      F: once(giveUpMs, giveUpMs),
      G: { unreliableMs: t1Ms, reliableMs: t1Ms, growth: 'double-to-t2' },
      // H, J and L are T4 longer than the RFC's 64*T1: the client sends its last copy as it gives up, and a copy that comes
      // when its transaction is forgotten would be a new request.
      H: once(giveUpMs + t4Ms, giveUpMs),
      I: once(t4Ms, 0),
      J: once(giveUpMs + t4Ms, 0),
      K: once(t4Ms, 0),
      L: once(giveUpMs + t4Ms, giveUpMs),
      M: once(giveUpMs, giveUpMs),
    },
  }
}

/** How long to wait before the timer fires for the `firings + 1`-th time. */
export function timerMs(timers: SipTimers, name: TimerName, firings: number, isReliable: boolean): number {
  const rule = timers.rules[name]
  const firstMs = isReliable ? rule.reliableMs : rule.unreliableMs
  if (rule.growth === 'once') return firstMs
  const grownMs = firstMs * 2 ** Math.min(firings, 16)
  return rule.growth === 'double' ? grownMs : Math.min(grownMs, timers.t2Ms)
}
