import type { BookChange } from '../model/book.ts'
import type { CheckRecord } from '../model/cdr.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { TrafficType } from '../model/trunk.ts'
import { readHoursRules } from './calling-hours-rules.ts'
import { CallingHours } from './calling-hours.ts'
import { DoNotCall } from './do-not-call.ts'
import type { ComplianceNeeds } from './needs.ts'
import { screenCall, type ScreeningRequest, type ScreeningVerdict } from './screen-call.ts'

export interface ComplianceOptions {
  /** compliance.tcpa.enabled */
  readonly tcpaEnabled: boolean
  /** compliance.tcpa.calling_hours, minutes since local midnight, the end exclusive. */
  readonly callingHours: { readonly startMinute: number; readonly endMinute: number }
  /** compliance.unknown_location */
  readonly unknownLocation: 'block' | 'allow'
}

/** What the hours alone say of calling this number then; the shape of api/needs.ts. */
interface HoursQuestion {
  readonly phoneNumber: PhoneNumber
  readonly time: Date
  readonly zip: string | null
  readonly leg: TrafficType
}

interface HoursAnswer {
  readonly allowed: boolean
  /** What that means on this leg. */
  readonly effect: CheckRecord['effect']
  readonly rule: string
  readonly source: string
  readonly places: readonly { state: string; timezone: string; localTime: string; window: string }[]
  /** Null when it is allowed already, or when nobody can say. */
  readonly nextAllowedAt: Date | null
}

/** The law, in memory: every question is answered at once, from lists that `apply` keeps current. */
export interface Compliance {
  /** Takes a committed change; only those of do-not-call lists matter here. */
  apply(change: BookChange): void
  screen(request: ScreeningRequest): ScreeningVerdict
  judgeHours(question: HoursQuestion): HoursAnswer
  stats(): ReturnType<DoNotCall['stats']>
}

/** Builds compliance. Throws when config/reference/calling-hours.json cannot be read. */
export function createCompliance(needs: ComplianceNeeds, options: ComplianceOptions): Compliance {
  const doNotCall = new DoNotCall()
  const hours = new CallingHours(readHoursRules(options.callingHours), needs.places, options.unknownLocation)
  hours.warm(needs.clock.now())
  const book = { doNotCall, hours, hoursEnabled: options.tcpaEnabled }
  return {
    apply(change) {
      if (change.kind === 'dnc') doNotCall.apply(change)
    },
    screen: (request) => screenCall(request, book),
    judgeHours({ phoneNumber, time, zip, leg }) {
      const atMs = time.getTime()
      const { allowed, rule, source, places } = hours.judge({ number: phoneNumber, zip }, atMs)
      const next = allowed ? null : hours.nextAllowedAt(places, atMs)
      return {
        allowed,
        effect: allowed || !options.tcpaEnabled ? 'allow' : leg === 'inbound' ? 'advisory' : 'block',
        rule,
        source,
        places: places.map((each) => ({ ...each.place, localTime: each.localTime(atMs), window: each.window(atMs) })),
        nextAllowedAt: next === null ? null : new Date(next),
      }
    },
    stats: () => doNotCall.stats(),
  }
}
