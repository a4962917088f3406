import type { TrafficType } from '../model/trunk.ts'

/** Laws that bind on some legs and advise on others. */
export const LEG_LAWS = ['calling_hours', 'do_not_call', 'call_frequency', 'consent'] as const
export type LegLaw = (typeof LEG_LAWS)[number]

/** What the settings say of enforcement; null for a leg: as the law has it. */
export interface EnforcementOptions {
  /** `strict`: every law is enforced on every leg, whatever the legs say. */
  readonly policy: 'law' | 'strict'
  readonly legs: Readonly<Record<TrafficType, readonly LegLaw[] | null>>
}

/** As the law has it. */
export const LAWFUL: EnforcementOptions = {
  policy: 'law',
  legs: { inbound: null, transfer: null, outbound: null },
}

/** Whoever calls a consumer is bound (47 CFR 64.1200(c), 16 CFR 310.6); a call the consumer makes is not such a call. */
const BOUND_BY_LAW: Readonly<Record<TrafficType, boolean>> = { inbound: false, transfer: true, outbound: true }

/** Whether what a law finds against a call refuses it, or is only noted: by leg and law. */
export class Enforcement {
  readonly #byLaw: ReadonlyMap<LegLaw, Readonly<Record<TrafficType, boolean>>>

  constructor({ policy, legs }: EnforcementOptions = LAWFUL) {
    const isEnforced = (law: LegLaw, leg: TrafficType): boolean =>
      policy === 'strict' || (legs[leg]?.includes(law) ?? BOUND_BY_LAW[leg])
    this.#byLaw = new Map(
      LEG_LAWS.map((law) => [
        law,
        {
          inbound: isEnforced(law, 'inbound'),
          transfer: isEnforced(law, 'transfer'),
          outbound: isEnforced(law, 'outbound'),
        },
      ]),
    )
  }

  isEnforced(law: LegLaw, leg: TrafficType): boolean {
    return this.#byLaw.get(law)![leg]
  }
}
