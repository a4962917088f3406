import type { PhoneNumber } from '../model/phone-number.ts'
import type { Place, Places } from '../model/places.ts'
import { DAY_MS } from '../model/time-zone.ts'
import type { HoursRule, HoursRules } from './calling-hours-rules.ts'
import type { Holidays } from './holidays.ts'
import type { Consumer, PlaceEvidence } from './place-evidence.ts'
import { PlaceHours } from './place-hours.ts'

const MINUTE_MS = 60_000
/** How far ahead the next allowed moment is looked for: past any run of Sundays and holidays. */
const HORIZON_MS = 15 * DAY_MS

/** Everywhere a person may be, and how that is known: one kind of evidence, or several joined by a plus sign (`zip+npa`). */
export interface Located {
  readonly places: readonly PlaceHours[]
  readonly evidence: string
}

/** What the hours say of one person at one moment. */
export interface HoursJudgement {
  readonly allowed: boolean
  /** What spoke: the law of the first place where it is too early or late, else of the first place. */
  readonly law: Pick<HoursRule, 'rule' | 'version' | 'source'>
  /** The place whose law it is; null: none is known. */
  readonly place: PlaceHours | null
}

const NOWHERE: Located = { places: [], evidence: 'none' satisfies PlaceEvidence }

/** The calling hours of every place (47 CFR 64.1200(c)(1) and the states' stricter laws). */
export class CallingHours {
  readonly #rules: HoursRules
  readonly #places: Places
  /** Whether consumers may be called of whom nobody knows where they are. */
  readonly allowsUnknown: boolean
  readonly #unknown: HoursJudgement
  /** By zone and state: as many as the tables of places hold, about 70. */
  readonly #byZone = new Map<string, Map<string, PlaceHours>>()
  /** Places of numbers are shared objects, so the list of their hours is made once for each. */
  readonly #ofList = new WeakMap<readonly Place[], Located>()

  constructor(rules: HoursRules, places: Places, unknownLocation: 'block' | 'allow') {
    this.#rules = rules
    this.#places = places
    this.allowsUnknown = unknownLocation === 'allow'
    const { source, version } = rules.federal
    const law = { rule: 'calling-hours:unknown-location', version, source }
    this.#unknown = { allowed: this.allowsUnknown, law, place: null }
  }

  get holidays(): Holidays {
    return this.#rules.holidays
  }

  /**
   * Learns the clocks of every area code around this time: asking Intl for a zone's first day takes a tenth of a millisecond,
   * which no call should pay.
   */
  warm(atMs: number): void {
    for (let npa = 200; npa < 1000; npa++) {
      for (const place of this.#ofNumber(`+1${npa}2000000` as PhoneNumber).places) {
        place.isOpen(atMs)
        place.isOpen(atMs + DAY_MS)
      }
    }
  }

  /** Whether a person at these places may be called at `atMs`: everywhere they may be, the hours must allow it. */
  judge({ places }: Located, atMs: number): HoursJudgement {
    const first = places[0]
    if (first === undefined) return this.#unknown
    for (const place of places) {
      if (!place.isOpen(atMs)) return { allowed: false, law: place.lawAt(atMs), place }
    }
    return { allowed: true, law: first.lawAt(atMs), place: first }
  }

  /**
   * Everywhere the person may be. The best evidence replaces the rest; two ZIP codes of equal worth that differ both count, and
   * so does the area code beside any ZIP where its state presumes residence from it (Connecticut, Florida, Oklahoma).
   */
  locate(consumer: Consumer, atMs: number): Located {
    const { number, zip, consentZip = null, ivrZip = null, accountZip = null } = consumer
    const byNumber = number === null ? NOWHERE : this.#ofNumber(number)
    if (zip === null && consentZip === null && ivrZip === null && accountZip === null) return byNumber
    const known = this.#ofZips(consumer)
    if (known === null) return byNumber
    const presumed = byNumber.places.filter(
      (one) => one.lawAt(atMs).presumesAreaCode && known.places.every(({ place }) => place.state !== one.place.state),
    )
    if (presumed.length === 0) return known
    return { places: [...known.places, ...presumed], evidence: `${known.evidence}+${byNumber.evidence}` }
  }

  /** The first whole minute, `atMs` included, at which every place allows a call; null when none is near or known. */
  nextAllowedAt(places: readonly PlaceHours[], atMs: number): number | null {
    if (places.length === 0) return null
    if (places.every((place) => place.isOpen(atMs))) return atMs
    // Minute by minute: zones keep whole minutes, so nothing is stepped over, clock changes and holidays included.
    const end = atMs + HORIZON_MS
    for (let minute = Math.ceil(atMs / MINUTE_MS) * MINUTE_MS; minute <= end; minute += MINUTE_MS) {
      if (places.every((place) => place.isOpen(minute))) return minute
    }
    return null
  }

  #ofZips({ zip, consentZip = null, ivrZip = null, accountZip = null }: Consumer): Located | null {
    const said = this.#ofZip(zip)
    const agreed = this.#ofZip(consentZip)
    if (said !== null && agreed !== null && said !== agreed)
      return { places: [said, agreed], evidence: 'zip+consent-zip' }
    if (said !== null) return exactly(said, 'zip')
    if (agreed !== null) return exactly(agreed, 'consent-zip')
    const answered = this.#ofZip(ivrZip)
    if (answered !== null) return exactly(answered, 'ivr-zip')
    const kept = this.#ofZip(accountZip)
    return kept && exactly(kept, 'account-zip')
  }

  #ofZip(zip: string | null): PlaceHours | null {
    const place = zip === null ? null : this.#places.ofZip(zip)
    return place && this.#hoursOf(place)
  }

  #ofNumber(number: PhoneNumber): Located {
    const list = this.#places.ofNumber(number)
    let found = this.#ofList.get(list)
    if (found === undefined) {
      const evidence: PlaceEvidence = list.length === 0 ? 'none' : this.#places.isOfExchange(list) ? 'npa-nxx' : 'npa'
      found = { places: list.map((place) => this.#hoursOf(place)), evidence }
      this.#ofList.set(list, found)
    }
    return found
  }

  #hoursOf({ state, timezone }: Place): PlaceHours {
    let byState = this.#byZone.get(timezone)
    let found = byState?.get(state)
    if (found !== undefined) return found
    const { states, federal, holidays } = this.#rules
    const law = inForce(states.get(state) ?? [], federal)
    found = new PlaceHours({ state, timezone }, law, holidays.of(state))
    if (byState === undefined) this.#byZone.set(timezone, (byState = new Map()))
    byState.set(state, found)
    return found
  }
}

/** What is in force: of a state's rows the one that is of the day, else the nation's. */
function inForce(rows: readonly HoursRule[], federal: HoursRule): HoursRule | ((localDay: number) => HoursRule) {
  const latest = rows.at(-1)
  if (latest === undefined) return federal
  if (latest.fromDay === -Infinity && latest.untilDay === Infinity) return latest
  return (day) => {
    if (day >= latest.fromDay && day < latest.untilDay) return latest // As nearly always.
    return rows.find((row) => day >= row.fromDay && day < row.untilDay) ?? federal
  }
}

function exactly(place: PlaceHours, evidence: PlaceEvidence): Located {
  return { places: [place], evidence }
}
